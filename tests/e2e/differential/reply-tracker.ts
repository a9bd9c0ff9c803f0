import { messageType } from "./script.ts";

/** The reply that completes each message of the extended protocol; Sync is completed by "Z". */
const COMPLETED_BY: Readonly<Record<string, string>> = {
  P: "1",
  B: "2",
  C: "3",
  D: "Tn",
  E: "CsI",
  S: "Z",
  Q: "Z",
  F: "Z",
};

/**
 * Follows which of the messages that were sent together have been answered: after an error in the
 * extended protocol the server skips all messages up to the next Sync, simple queries too.
 */
export class ReplyTracker {
  readonly #types: readonly string[];
  #at = 0;

  constructor(sent: readonly Uint8Array[]) {
    this.#types = sent.map(messageType).filter((type) => type in COMPLETED_BY);
  }

  /** Whether no more replies are to come. */
  get complete(): boolean {
    return this.#at >= this.#types.length;
  }

  take(reply: string): void {
    const current = this.#types[this.#at];
    if (current === undefined) return;
    if (COMPLETED_BY[current]?.includes(reply)) this.#at++;
    else if (reply === "E" && !"QFS".includes(current)) this.#skipToSync();
  }

  #skipToSync(): void {
    const sync = this.#types.indexOf("S", this.#at);
    this.#at = sync < 0 ? this.#types.length : sync;
  }
}
