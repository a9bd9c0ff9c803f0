/** Prints what happens, with the seconds since the beginning. */
export class Timeline {
  readonly #print: (line: string) => void;
  #start = performance.now();

  constructor(print: (line: string) => void) {
    this.#print = print;
  }

  /** Seconds since the beginning, or since it began anew. */
  get seconds(): number {
    return (performance.now() - this.#start) / 1000;
  }

  /** Time counts from here. */
  begin(): void {
    this.#start = performance.now();
  }

  /** @param who it happened to */
  add(who: "demo" | "pgpool" | "clients" | "pcp", text: string): void {
    this.#print(`${this.seconds.toFixed(2).padStart(7)} s  ${who.padEnd(8)} ${text}`);
  }
}
