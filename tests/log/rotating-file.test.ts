import { describe, expect, it } from "bun:test";
import { chmodSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { formatFileName } from "../../lib/log/file-name.ts";
import { WholeLines } from "../../lib/log/lines.ts";
import { type LogFileSettings, RotatingFile } from "../../lib/log/rotating-file.ts";
import { tempDir } from "../support/temp.ts";

const MINUTE = 60_000;
const START = new Date(2026, 10, 24, 9, 5, 7).getTime();
const bytes = (text: string) => new TextEncoder().encode(text);

class World {
  readonly directory = join(tempDir(), "made", "by", "pgpool");
  readonly reports: string[] = [];
  readonly file: RotatingFile;
  time = START;

  constructor(readonly settings: Partial<LogFileSettings> = {}) {
    this.file = new RotatingFile(this.with({}), (text) => this.reports.push(text), () => this.time);
  }

  with(settings: Partial<LogFileSettings>): LogFileSettings {
    return {
      directory: this.directory,
      fileName: "pgpool-%H%M.log",
      mode: 0o600,
      ageMinutes: 0,
      sizeKb: 0,
      truncate: false,
      ...this.settings,
      ...settings,
    };
  }

  write(text: string): void {
    this.file.write(bytes(text));
  }

  /** Names and contents, sorted by name. */
  files(): string[] {
    return readdirSync(this.directory).sort().map((name) =>
      `${name}: ${readFileSync(join(this.directory, name), "utf8").trimEnd()}`
    );
  }
}

describe("log_filename", () => {
  it("is filled as by strftime", () => {
    expect(formatFileName("pgpool-%Y-%m-%d_%H%M%S.log", START)).toBe(
      "pgpool-2026-11-24_090507.log",
    );
    expect(formatFileName("%a %A %b %B %j %y %e %I%p %u %w %F %T %% %q %", START)).toBe(
      "Tue Tuesday Nov November 328 26 24 09AM 2 2 2026-11-24 09:05:07 % %q %",
    );
  });
});

describe("logging_collector", () => {
  it("makes the directory and a file of the mode asked for", () => {
    const world = new World({ mode: 0o640 });
    world.write("one\n");
    expect(world.files()).toEqual(["pgpool-0905.log: one"]);
    expect(statSync(world.file.path).mode & 0o777).toBe(0o640);
  });

  it("begins a new file when the old one is too large", () => {
    const world = new World({ sizeKb: 1 });
    world.write(`${"x".repeat(1100)}\n`);
    world.write("still the same minute, so the same name\n");
    world.time += MINUTE;
    world.write("two\n");
    expect(world.files()).toHaveLength(2);
    expect(world.files()[1]).toBe("pgpool-0906.log: two");
  });

  it("begins a new file at multiples of the age since midnight", () => {
    const world = new World({ ageMinutes: 30 });
    world.write("one\n");
    world.time = new Date(2026, 10, 24, 9, 29, 59).getTime();
    world.write("two\n");
    world.time += 1000;
    world.write("three\n");
    expect(world.files()).toEqual(["pgpool-0905.log: one\ntwo", "pgpool-0930.log: three"]);
  });

  it("truncates a file that is used again, but only when its time has come", () => {
    const world = new World({ ageMinutes: 60, fileName: "%H.log", truncate: true });
    const day = 24 * 60 * MINUTE;
    world.write("yesterday\n");
    world.file.rotate();
    world.write("still yesterday\n");
    world.time += 60 * MINUTE;
    world.write("later\n");
    world.time += day - 60 * MINUTE;
    world.write("today\n");
    expect(world.files()).toEqual(["09.log: today", "10.log: later"]);
  });

  it("goes on in another place after a reload", () => {
    const world = new World();
    world.write("one\n");
    world.file.configure(world.with({ fileName: "other.log" }));
    world.write("two\n");
    expect(world.files()).toEqual(["other.log: two", "pgpool-0905.log: one"]);
  });

  it("opens the same file again when it is told to rotate", () => {
    const world = new World({ fileName: "pgpool.log" });
    world.write("one\n");
    chmodSync(world.file.path, 0o644);
    world.file.rotate();
    world.write("two\n");
    expect(world.files()).toEqual(["pgpool.log: one\ntwo"]);
  });

  it("reports a full disk once, survives it and tells what was lost", () => {
    const world = new World({ directory: "/dev", fileName: "full" });
    world.write("one\n");
    world.write("two\nthree\n");
    expect(world.reports).toEqual(['could not write to log file "/dev/full": ENOSPC']);
    world.file.configure(world.with({ directory: world.directory, fileName: "pgpool.log" }));
    world.write("four\n");
    expect(world.files()).toEqual([
      "pgpool.log: WARNING:  3 lines of the log were lost because they could not be written " +
      "(ENOSPC)\nfour",
    ]);
  });

  it("keeps the file it has when the next one can not be opened", () => {
    const world = new World();
    world.write("one\n");
    world.file.configure(world.with({ directory: "/dev/null/nowhere" }));
    world.write("two\n");
    expect(world.files()).toEqual(["pgpool-0905.log: one\ntwo"]);
    expect(world.reports).toHaveLength(1);
  });
});

describe("lines of several processes", () => {
  it("are kept whole", () => {
    const lines = new WholeLines();
    const take = (text: string) => {
      const taken = lines.take(bytes(text));
      return taken && new TextDecoder().decode(taken);
    };
    expect(take("on")).toBeUndefined();
    expect(take("e\ntw")).toBe("one\n");
    expect(take("o\n")).toBe("two\n");
    expect(lines.end()).toBeUndefined();
    expect(take("cut off")).toBeUndefined();
    expect(new TextDecoder().decode(lines.end())).toBe("cut off\n");
  });
});
