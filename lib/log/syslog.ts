import { type DatagramSender, unixDatagramSender } from "./datagram.ts";
import type { LogRecord, LogSink } from "./record.ts";
import type { Severity } from "./severity.ts";

/** Where the system's logger listens. */
const SYSLOG_SOCKET = "/dev/log";
/** Longest text of one message in bytes; what is longer is split, as PostgreSQL does. */
const LONGEST_TEXT = 900;
/** Milliseconds until a logger that was not there is looked for again. */
const RETRY_MS = 1000;
/** Number of LOCAL0 (RFC 5424, table 1). */
const LOCAL0 = 16;

/** How messages are marked. */
export interface SyslogSettings {
  /** syslog_ident */
  readonly ident: string;
  /** syslog_facility: LOCAL0 to LOCAL7. */
  readonly facility: string;
}

/**
 * Severity of syslog for one of ours, by PostgreSQL's table ("Message Severity Levels"): an ERROR
 * of one client is but a warning for the system.
 */
function syslogSeverity(severity: Severity): number {
  switch (severity) {
    case "log":
    case "info":
      return 6;
    case "notice":
    case "warning":
      return 5;
    case "error":
      return 4;
    case "fatal":
      return 3;
    case "panic":
      return 2;
    default:
      return 7;
  }
}

/** Cuts a text at newlines and at 900 bytes, never within a character. */
export function syslogParts(text: string): string[] {
  const parts: string[] = [];
  for (const line of text.split("\n")) {
    let part = "";
    let size = 0;
    for (const character of line) {
      const length = Buffer.byteLength(character);
      if (size + length > LONGEST_TEXT) {
        parts.push(part);
        part = "";
        size = 0;
      }
      part += character;
      size += length;
    }
    if (part !== "") parts.push(part);
  }
  return parts;
}

/**
 * log_destination syslog: writes to the local logger's socket (RFC 3164), and never waits for it.
 * Messages it does not take are dropped, and their number is told when it takes them again.
 */
export class SyslogSink implements LogSink {
  settings: SyslogSettings;
  #sender: DatagramSender | undefined;
  #nextTry = 0;
  #sequence = 0;
  #lost = 0;

  constructor(
    settings: SyslogSettings,
    readonly connect: () => DatagramSender | undefined = () => unixDatagramSender(SYSLOG_SOCKET),
  ) {
    this.settings = settings;
  }

  write(record: LogRecord, text: () => string): void {
    if (this.#lost > 0 && this.#sendText(record, 5, `${this.#lost} log messages were lost`)) {
      this.#lost = 0;
    }
    if (!this.#sendText(record, syslogSeverity(record.severity), text())) this.#lost++;
  }

  flush(): void {}

  close(): void {
    this.#sender?.close();
    this.#sender = undefined;
  }

  #sendText(record: LogRecord, severity: number, text: string): boolean {
    const facility = LOCAL0 + (Number(/\d$/.exec(this.settings.facility)?.[0]) || 0);
    const time = syslogTime(record.time);
    const head = `<${facility * 8 + severity}>${time} ${this.settings.ident}[${record.pid}]: `;
    const parts = syslogParts(text);
    const sequence = ++this.#sequence;
    // The numbers keep loggers from taking equal lines for repetitions, and show what belongs
    // together.
    return parts.every((part, index) => {
      const number = parts.length === 1 ? `[${sequence}] ` : `[${sequence}-${index + 1}] `;
      return this.#send(new TextEncoder().encode(head + number + part), record.time);
    });
  }

  #send(bytes: Uint8Array, now: number): boolean {
    for (let attempt = 0; attempt < 2; attempt++) {
      if (this.#sender === undefined) {
        if (now < this.#nextTry) return false;
        this.#sender = this.connect();
        if (this.#sender === undefined) {
          this.#nextTry = now + RETRY_MS;
          return false;
        }
      }
      const result = this.#sender.send(bytes);
      if (result !== "gone") return result === "sent";
      // The logger was started anew: there may be another one behind the same path.
      this.close();
    }
    return false;
  }
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** Local time as RFC 3164 wants it: `Nov  4 03:05:09`. */
function syslogTime(time: number): string {
  const date = new Date(time);
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()];
  const day = String(date.getDate()).padStart(2, " ");
  return `${MONTHS[date.getMonth()]} ${day} ${
    clock.map((unit) => String(unit).padStart(2, "0")).join(":")
  }`;
}
