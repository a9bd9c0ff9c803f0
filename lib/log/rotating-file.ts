import {
  closeSync,
  existsSync,
  fchmodSync,
  fstatSync,
  mkdirSync,
  openSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { formatFileName } from "./file-name.ts";

/** What the logging collector goes by. */
export interface LogFileSettings {
  /** log_directory; made when it is not there. */
  readonly directory: string;
  /** log_filename, a pattern of strftime. */
  readonly fileName: string;
  /** log_file_mode */
  readonly mode: number;
  /** log_rotation_age in minutes, 0 for never. */
  readonly ageMinutes: number;
  /** log_rotation_size in kilobytes, 0 for never. */
  readonly sizeKb: number;
  /** log_truncate_on_rotation */
  readonly truncate: boolean;
}

/**
 * A log file that is replaced by the next one when it is old or large enough (behaviour.md 15,
 * with the rules of PostgreSQL's collector where that says nothing). Nothing here throws: what can
 * not be written is counted, reported once, and told in the log when writing works again.
 */
export class RotatingFile {
  #settings: LogFileSettings;
  #fd: number | undefined;
  #path = "";
  #size = 0;
  #nextRotation = Infinity;
  #lostLines = 0;
  #trouble = "";

  /** @param report is told once of each kind of trouble. @param now Unix time in milliseconds. */
  constructor(
    settings: LogFileSettings,
    readonly report: (text: string) => void,
    readonly now: () => number = Date.now,
  ) {
    this.#settings = settings;
  }

  /** Path of the current file, empty before the first line. */
  get path(): string {
    return this.#path;
  }

  /** Takes new settings; another directory or name begins a new file at once. */
  configure(settings: LogFileSettings): void {
    const { directory, fileName, ageMinutes } = this.#settings;
    this.#settings = settings;
    if (this.#fd === undefined) return;
    if (ageMinutes !== settings.ageMinutes) this.#planRotation();
    if (directory !== settings.directory || fileName !== settings.fileName) this.rotate();
  }

  /** Writes whole lines. */
  write(bytes: Uint8Array): void {
    this.#prepare();
    if (this.#fd === undefined) return this.#lose(bytes);
    if (this.#lostLines > 0) {
      const text = `WARNING:  ${this.#lostLines} lines of the log were lost because they could ` +
        `not be written (${this.#trouble})\n`;
      if (!this.#put(new TextEncoder().encode(text))) return this.#lose(bytes);
      this.#lostLines = 0;
    }
    if (this.#put(bytes)) this.#trouble = "";
    else this.#lose(bytes);
  }

  /** Rotates if the time for it has come; lines do that by themselves. */
  tick(): void {
    if (this.#fd !== undefined && this.now() >= this.#nextRotation) this.#open(true);
  }

  /** Begins a new file, or opens the same one anew when its name has not changed. */
  rotate(): void {
    this.#open(false);
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  #prepare(): void {
    if (this.#fd === undefined) return this.#open(false);
    this.tick();
    const limit = this.#settings.sizeKb * 1024;
    if (limit === 0 || this.#size < limit) return;
    // A name without time can not give way to another one.
    if (this.#nextPath() !== this.#path) this.#open(false);
  }

  #nextPath(): string {
    return join(this.#settings.directory, formatFileName(this.#settings.fileName, this.now()));
  }

  #open(byAge: boolean): void {
    const path = this.#nextPath();
    const truncates = byAge && this.#settings.truncate && path !== this.#path;
    try {
      mkdirSync(this.#settings.directory, { recursive: true, mode: 0o700 });
      const isNew = !existsSync(path);
      const fd = openSync(path, truncates ? "w" : "a", this.#settings.mode);
      // The mode is what was asked for, whatever the umask says; it must stay writable for us.
      if (isNew) fchmodSync(fd, this.#settings.mode | 0o200);
      this.close();
      this.#fd = fd;
      this.#path = path;
      this.#size = fstatSync(fd).size;
    } catch (error) {
      // The file before goes on being used, if there is one.
      this.#inTrouble(`could not open log file "${path}"`, error);
    }
    this.#planRotation();
  }

  /** Files change at multiples of the age since local midnight. */
  #planRotation(): void {
    const age = this.#settings.ageMinutes * 60_000;
    if (age <= 0) {
      this.#nextRotation = Infinity;
      return;
    }
    const now = this.now();
    const local = now - new Date(now).getTimezoneOffset() * 60_000;
    this.#nextRotation = now - local % age + age;
  }

  #put(bytes: Uint8Array): boolean {
    if (this.#fd === undefined) return false;
    try {
      for (let at = 0; at < bytes.length;) {
        const written = writeSync(this.#fd, bytes, at, bytes.length - at);
        at += written;
        this.#size += written;
      }
      return true;
    } catch (error) {
      this.#inTrouble(`could not write to log file "${this.#path}"`, error);
      return false;
    }
  }

  #lose(bytes: Uint8Array): void {
    for (const byte of bytes) if (byte === 0x0a) this.#lostLines++;
  }

  #inTrouble(text: string, error: unknown): void {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    if (this.#trouble === code) return;
    this.#trouble = code;
    this.report(`${text}: ${code}`);
  }
}
