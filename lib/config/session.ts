import { withValues } from "./config.ts";
import type { Config } from "./config.ts";
import { resolveName } from "./names.ts";
import type { AnyValue } from "./parameters.ts";
import { InvalidValueError } from "./problems.ts";
import { parseValue } from "./values.ts";

/**
 * What PGPOOL SET has changed in one session. Only the parameters of session context may change
 * (parameters.md 2); the values are gone when the session ends.
 */
export class SessionOverlay {
  #base: Config;
  #effective: Config;
  readonly #own = new Map<string, AnyValue>();

  constructor(config: Config) {
    this.#base = config;
    this.#effective = config;
  }

  /** The configuration as this session sees it. */
  get config(): Config {
    return this.#effective;
  }

  /** After a reload: what the session has set itself stays. */
  rebase(config: Config): void {
    this.#base = config;
    this.#refresh();
  }

  /**
   * `PGPOOL SET name = value`; undefined stands for DEFAULT. Names come as the SQL parser gives
   * them. Throws InvalidValueError with Pgpool-II's texts (sql-interface.md 8).
   */
  set(name: string, value: string | undefined): void {
    const resolved = resolveName(name);
    if (resolved.kind === "unknown") {
      throw new InvalidValueError(`unrecognized configuration parameter "${name}"`);
    }
    if (resolved.kind === "bad-index") throw new InvalidValueError(resolved.message);
    const { base, parameter } = resolved;
    if (parameter.context !== "session") {
      throw new InvalidValueError(
        `invalid Context, value for parameter "${name}" cannot be changed`,
      );
    }
    if (value === undefined) this.#own.delete(base);
    else this.#own.set(base, parseValue(name, parameter, value));
    this.#refresh();
  }

  /** `PGPOOL RESET name`: back to the value of the configuration. Throws as `set` does. */
  reset(name: string): void {
    this.set(name, undefined);
  }

  /** `PGPOOL RESET ALL`. */
  resetAll(): void {
    this.#own.clear();
    this.#refresh();
  }

  #refresh(): void {
    this.#effective = withValues(this.#base, this.#own);
  }
}
