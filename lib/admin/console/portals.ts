import { SqlError } from "./errors.ts";
import type { ParameterTypes } from "./parameters.ts";
import type { Outcome, Plan } from "./plan.ts";
import type { Value } from "./values.ts";

/** Prepared statements and portals of one connection; drivers keep fewer. */
const MOST_STATEMENTS = 256;
const MOST_PORTALS = 32;

/** A statement of the extended protocol. */
export interface Prepared {
  readonly text: string;
  /** Undefined for an empty text. */
  readonly plan: Plan | undefined;
  readonly parameters: ParameterTypes;
}

/** A prepared statement with its parameters, and how far its rows have been fetched. */
export interface Portal {
  readonly prepared: Prepared;
  readonly values: readonly Value[];
  readonly formats: readonly number[];
  outcome: Outcome | undefined;
  fetched: number;
}

/** The statements and portals of one connection, by their names; the empty name is used again. */
export class Names {
  readonly #statements = new Map<string, Prepared>();
  readonly #portals = new Map<string, Portal>();

  /** @throws {SqlError} when there is none. */
  statement(name: string): Prepared {
    const found = this.#statements.get(name);
    if (found !== undefined) return found;
    const which = name === "" ? "unnamed prepared statement" : `prepared statement "${name}"`;
    throw new SqlError("26000", `${which} does not exist`);
  }

  /** @throws {SqlError} when the name is taken, or there are too many. */
  prepare(name: string, prepared: Prepared): void {
    if (name !== "" && this.#statements.has(name)) {
      throw new SqlError("42P05", `prepared statement "${name}" already exists`);
    }
    if (this.#statements.size >= MOST_STATEMENTS) throw tooMany("prepared statements");
    this.#statements.set(name, prepared);
  }

  forget(name: string): void {
    this.#statements.delete(name);
  }

  forgetAll(): void {
    this.#statements.clear();
  }

  /** @throws {SqlError} when there is none. */
  portal(name: string): Portal {
    const found = this.#portals.get(name);
    if (found !== undefined) return found;
    throw new SqlError("34000", `portal "${name}" does not exist`);
  }

  /** @throws {SqlError} when the name is taken, or there are too many. */
  open(name: string, portal: Portal): void {
    if (name !== "" && this.#portals.has(name)) {
      throw new SqlError("42P03", `cursor "${name}" already exists`);
    }
    if (this.#portals.size >= MOST_PORTALS) throw tooMany("portals");
    this.#portals.set(name, portal);
  }

  close(name: string): void {
    this.#portals.delete(name);
  }

  closeAll(): void {
    this.#portals.clear();
  }
}

function tooMany(what: string): SqlError {
  return new SqlError("54000", `too many ${what}`, { hint: "Close those that are not needed." });
}
