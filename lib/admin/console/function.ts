import type { ColumnType, ViewColumns } from "../columns.ts";
import type { Environment } from "./environment.ts";
import type { Row, Value } from "./values.ts";

/** A function that statements may call, and SELECT FROM. With a NULL among its arguments it does nothing. */
export interface AdminFunction {
  readonly name: string;
  readonly parameters: readonly FunctionParameter[];
  /** Columns of its rows; a single value is one column, named like the function. */
  readonly columns: ViewColumns;
  /** It gives any number of rows, and not just one. */
  readonly isSet: boolean;
  /** It changes something. */
  readonly isActing: boolean;
  /** @throws {PcpError | SqlError} */
  readonly call: (args: readonly Value[], environment: Environment) => Promise<readonly Row[]>;
}

/** One with a default may be left out. */
export interface FunctionParameter {
  readonly name: string;
  readonly type: ColumnType;
  readonly default?: Value;
}
