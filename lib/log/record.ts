import type { Severity } from "./severity.ts";

/** What may accompany a message. */
export interface LogFields {
  readonly detail?: string | undefined;
  readonly hint?: string | undefined;
  readonly context?: string | undefined;
  /** SQLSTATE, written with log_error_verbosity = verbose. */
  readonly code?: string | undefined;
  /** The client's application_name; empty when the client sent none. */
  readonly application?: string | undefined;
  readonly user?: string | undefined;
  readonly database?: string | undefined;
}

/** Whom the messages of one logger are about; a session sets these once it knows its client. */
export interface LogClient {
  readonly application?: string | undefined;
  readonly user?: string | undefined;
  readonly database?: string | undefined;
}

/** One message with everything a destination can want of it. */
export interface LogRecord extends LogFields {
  /** Unix time in milliseconds. */
  readonly time: number;
  readonly severity: Severity;
  readonly message: string;
  /** Name of the process or part: `main`, `child`, `health_check0`. */
  readonly process: string;
  readonly pid: number;
  /** Number of the worker, -1 outside of workers. */
  readonly childNumber: number;
  /** Number of the line in this process, from 1. */
  readonly line: number;
}

/**
 * A place where messages go. `write` must return at once whatever state the destination is in,
 * and must not throw. `text` gives the message as lines of a text log with their prefixes.
 */
export interface LogSink {
  write(record: LogRecord, text: () => string): void;
  /** Writes what is still held back, as far as that is possible without waiting. */
  flush(): void;
  close(): void;
}
