import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import { type Fault, NO_FAULT } from "./fault.ts";

/** More than this waits in the kernel, not here. */
const MOST_HELD = 1 << 20;

/** Pause between two portions of a throttled pipe, in milliseconds. */
const PORTION_MS = 20;

/** One direction of a connection: what comes from one socket goes to the other, as faults allow. */
export class Pipe {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #isAnswer: boolean;
  readonly #held: Buffer[] = [];
  #heldBytes = 0;
  #fault: Fault = NO_FAULT;
  #left = 0;
  #hasEnded = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param isAnswer from the server to the client: only answers are garbled, cut and throttled */
  constructor(from: Socket, to: Socket, isAnswer: boolean) {
    this.#from = from;
    this.#to = to;
    this.#isAnswer = isAnswer;
    from.on("data", (chunk: Buffer) => this.#take(chunk));
    from.on("end", () => {
      this.#hasEnded = true;
      this.#pump();
    });
    to.on("drain", () => this.#pump());
  }

  /** From now on this goes wrong; what is held is let go when nothing does. */
  set(fault: Fault): void {
    this.#fault = fault;
    this.#left = fault.kind === "cut" ? fault.afterBytes : 0;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (fault.kind === "half-close" && this.#isAnswer) this.#to.end();
    this.#pump();
  }

  #take(chunk: Buffer): void {
    this.#held.push(chunk);
    this.#heldBytes += chunk.length;
    if (this.#heldBytes > MOST_HELD) this.#from.pause();
    this.#pump();
  }

  #pump(): void {
    const fault = this.#fault;
    switch (fault.kind) {
      case "refuse":
      case "drop":
      case "silence":
        return;
      case "half-close":
        this.#next(this.#heldBytes);
        return;
      case "delay":
        return this.#after(fault.ms, () => this.#write(this.#heldBytes));
      case "throttle":
        if (!this.#isAnswer) return this.#write(this.#heldBytes);
        return this.#after(PORTION_MS, () => {
          this.#write(Math.max(1, Math.floor(fault.bytesPerSecond * PORTION_MS / 1000)));
        });
      case "garbage":
        if (!this.#isAnswer) return this.#write(this.#heldBytes);
        if (this.#heldBytes > 0) this.#to.write(randomBytes(this.#next(this.#heldBytes).length));
        return;
      case "cut":
        if (!this.#isAnswer) return this.#write(this.#heldBytes);
        return this.#writeUntilCut();
      case "none":
        return this.#write(this.#heldBytes);
    }
  }

  #after(milliseconds: number, run: () => void): void {
    if (this.#timer !== undefined || this.#heldBytes === 0 && !this.#hasEnded) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      run();
      if (this.#heldBytes > 0) this.#pump();
    }, milliseconds);
  }

  #writeUntilCut(): void {
    if (this.#heldBytes === 0) return;
    const bytes = Math.min(this.#left, this.#heldBytes);
    this.#left -= bytes;
    this.#write(bytes);
    if (this.#left > 0) return;
    // Ended and not destroyed, so that the bytes before the cut arrive.
    this.#to.end();
    this.#from.destroy();
  }

  #write(bytes: number): void {
    if (bytes > 0 && this.#heldBytes > 0) this.#to.write(this.#next(bytes));
    if (this.#hasEnded && this.#heldBytes === 0) this.#to.end();
  }

  /** Takes so many of the held bytes. */
  #next(bytes: number): Buffer {
    const all = this.#held.length === 1 ? this.#held[0] : Buffer.concat(this.#held);
    const taken = all?.subarray(0, bytes) ?? Buffer.alloc(0);
    const rest = all?.subarray(taken.length);
    this.#held.length = 0;
    if (rest !== undefined && rest.length > 0) this.#held.push(rest);
    this.#heldBytes -= taken.length;
    if (this.#heldBytes <= MOST_HELD) this.#from.resume();
    return taken;
  }
}
