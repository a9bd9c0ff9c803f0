import type { Clock } from "./clock.ts";

/** Something that is done again and again, never twice at a time. */
export class Repeat {
  readonly #clock: Clock;
  readonly #work: () => Promise<void>;
  readonly #pause: () => number | null;
  #cancel: () => void = () => {};
  #isRunning = false;
  #isWanted = false;
  #isStopped = false;

  /**
   * @param work must not fail
   * @param pause milliseconds until it is done again, null for never; asked each time
   */
  constructor(clock: Clock, work: () => Promise<void>, pause: () => number | null) {
    this.#clock = clock;
    this.#work = work;
    this.#pause = pause;
  }

  /** Does it now; while it is being done, once more after that. */
  now(): void {
    if (this.#isStopped) return;
    this.#isWanted = true;
    if (this.#isRunning) return;
    this.#cancel();
    void this.#run();
  }

  /** Makes the pause count from now on. */
  plan(): void {
    this.#cancel();
    if (this.#isStopped || this.#isRunning) return;
    const pause = this.#pause();
    if (pause !== null) this.#cancel = this.#clock.after(pause, () => this.now());
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel();
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#isWanted && !this.#isStopped) {
      this.#isWanted = false;
      await this.#work();
    }
    this.#isRunning = false;
    this.plan();
  }
}
