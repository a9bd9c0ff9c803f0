import type { StatementClass } from "../sql/statement-class.ts";

/** Most settings remembered; beyond it only the latest count. A session that sets more is not sane. */
const MOST = 1000;

/**
 * What SET commands did to a session, so that a server connection opened later can be brought to
 * the same state. Settings of a transaction count once it has committed.
 */
export class SettingsJournal {
  #committed = new Map<string, Uint8Array>();
  #pending: { key: string | undefined; message: Uint8Array }[] = [];

  /** Number that changes whenever the committed settings do. */
  version = 0;

  /** Notes a SET or RESET that has been sent; `message` is its whole Query message. */
  note(statement: StatementClass, message: Uint8Array, inTransaction: boolean): void {
    if (statement.kind === "discard") {
      this.#pending.push({ key: undefined, message });
    } else if (statement.setting !== undefined && !statement.setting.local) {
      const { setting } = statement;
      const key = setting.isReset && setting.name === "all" ? undefined : setting.name;
      this.#pending.push({ key, message: Uint8Array.from(message) });
    }
    if (!inTransaction) this.end(true);
  }

  /** The transaction is over. */
  end(committed: boolean): void {
    if (this.#pending.length === 0) return;
    if (committed) {
      for (const { key, message } of this.#pending) {
        if (key === undefined) {
          this.#committed.clear();
        } else {
          this.#committed.delete(key);
          if (this.#committed.size < MOST) this.#committed.set(key, message);
        }
      }
      this.version++;
    }
    this.#pending = [];
  }

  /** Query messages that bring a fresh connection to the session's settings, oldest first. */
  replay(): IterableIterator<Uint8Array> {
    return this.#committed.values();
  }
}
