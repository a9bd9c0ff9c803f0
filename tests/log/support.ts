import type { LogClock } from "../../lib/log/log.ts";
import type { LogRecord, LogSink } from "../../lib/log/record.ts";

/** Keeps the lines that are written. */
export class MemorySink implements LogSink {
  readonly lines: string[] = [];
  readonly records: LogRecord[] = [];

  write(record: LogRecord, text: () => string): void {
    this.records.push(record);
    this.lines.push(...text().trimEnd().split(/\n(?!\t)/));
  }

  flush(): void {}

  close(): void {}
}

/** A clock that stands still until told otherwise. */
export class TestClock implements LogClock {
  #now: number;
  #planned: { at: number; run: () => void }[] = [];

  constructor(now: number) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  schedule(delay: number, run: () => void): void {
    this.#planned.push({ at: this.#now + delay, run });
  }

  advance(milliseconds: number): void {
    this.#now += milliseconds;
    const due = this.#planned.filter(({ at }) => at <= this.#now);
    this.#planned = this.#planned.filter(({ at }) => at > this.#now);
    for (const { run } of due) run();
  }
}
