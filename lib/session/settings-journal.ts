import type { StatementClass } from "../sql/statement-class.ts";

/** Most settings remembered; beyond it only the latest count. A session that sets more is not sane. */
const MOST = 1000;

const NONE: { key: string | undefined; message: Uint8Array }[] = [];

/**
 * What SET commands did to a session, so that a server connection opened later can be brought to
 * the same state. Settings of a transaction count once it has committed.
 */
export class SettingsJournal {
  #committed: Map<string, Uint8Array> | undefined;
  #pending: { key: string | undefined; message: Uint8Array }[] = NONE;

  /** Notes a SET or RESET that has been sent; `message` is its whole Query message. */
  note(statement: StatementClass, message: Uint8Array, inTransaction: boolean): void {
    if (statement.kind === "discard") {
      this.#push(undefined, message);
    } else if (statement.setting !== undefined && !statement.setting.local) {
      const { setting } = statement;
      const key = setting.isReset && setting.name === "all" ? undefined : setting.name;
      this.#push(key, Uint8Array.from(message));
    }
    if (!inTransaction) this.end(true);
  }

  /** The transaction is over. */
  end(committed: boolean): void {
    if (this.#pending.length === 0) return;
    if (committed) {
      const settings = this.#committed ??= new Map();
      for (const { key, message } of this.#pending) {
        if (key === undefined) {
          settings.clear();
        } else {
          settings.delete(key);
          if (settings.size < MOST) settings.set(key, message);
        }
      }
    }
    this.#pending = NONE;
  }

  /** Whether a connection opened later will have the setting. */
  has(name: string): boolean {
    return this.#committed?.has(name) ?? false;
  }

  #push(key: string | undefined, message: Uint8Array): void {
    if (this.#pending === NONE) this.#pending = [];
    this.#pending.push({ key, message });
  }

  /** Query messages that bring a fresh connection to the session's settings, oldest first. */
  replay(): Iterable<Uint8Array> {
    return this.#committed?.values() ?? [];
  }
}
