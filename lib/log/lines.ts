/** A line that is longer than this is passed on in pieces. */
const LONGEST_LINE = 1024 * 1024;
const NEWLINE = 0x0a;

/** Cuts a stream of bytes behind newlines, so that lines of several sources do not mix. */
export class WholeLines {
  #rest: Uint8Array[] = [];
  #restSize = 0;

  /** The lines that are complete with this chunk, undefined when there are none. */
  take(chunk: Uint8Array): Uint8Array | undefined {
    const end = chunk.lastIndexOf(NEWLINE) + 1;
    if (end === 0 && this.#restSize + chunk.length < LONGEST_LINE) {
      this.#keep(chunk);
      return undefined;
    }
    const cut = end === 0 ? chunk.length : end;
    const lines = Buffer.concat([...this.#rest, chunk.subarray(0, cut)]);
    this.#rest = [];
    this.#restSize = 0;
    if (cut < chunk.length) this.#keep(chunk.subarray(cut));
    return lines;
  }

  /** What was left without a newline at the end of the stream; it gets one. */
  end(): Uint8Array | undefined {
    return this.#restSize === 0 ? undefined : this.take(Uint8Array.of(NEWLINE));
  }

  #keep(bytes: Uint8Array): void {
    this.#rest.push(Uint8Array.from(bytes));
    this.#restSize += bytes.length;
  }
}
