import type { Column, Row, Value } from "./values.ts";

/** A statement that has been read and can be run. */
export interface Plan {
  /** Columns of its rows; undefined when it gives none. */
  readonly columns: readonly Column[] | undefined;
  /** It changes something beyond its own session. */
  readonly isActing: boolean;
  /** It ends a transaction, which is all that can be done in one that has failed. */
  readonly endsTransaction: boolean;
  /** @throws {PcpError | SqlError} */
  readonly run: (parameters: readonly Value[]) => Promise<Outcome>;
}

/** What a statement has brought about. */
export interface Outcome {
  readonly rows: readonly Row[];
  /** For CommandComplete. */
  readonly tag: string;
  /** Settings that the client has to be told of. */
  readonly changed?: readonly (readonly [name: string, value: string])[];
  readonly transaction?: "begin" | "end";
  /** Prepared statements to forget: one, or all of them. */
  readonly forget?: { readonly statement: string } | "all-statements";
}

/** A statement that gives no rows and acts on nothing but its session. */
export function sessionPlan(run: () => Omit<Outcome, "rows">): Plan {
  return {
    columns: undefined,
    isActing: false,
    endsTransaction: false,
    run: () => Promise.resolve({ rows: [], ...run() }),
  };
}
