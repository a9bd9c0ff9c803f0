import { describe, expect, it } from "bun:test";
import { existsSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AlreadyRunningError, NoPidFileError, ProcessError } from "../../lib/process/errors.ts";
import { isAlive, PidFile, runningPid } from "../../lib/process/pid-file.ts";
import { tempDir } from "../support/temp.ts";

/** A process id that nobody has: that of a process that has just ended. */
function deadPid(): number {
  return Bun.spawnSync(["true"]).pid;
}

function newPath(): string {
  return join(tempDir(), "pgpool.pid");
}

describe("the pid file", () => {
  it("holds the pid and a zero byte, for its owner only, and is removed at the end", () => {
    const path = newPath();
    const file = PidFile.create(path);
    expect(readFileSync(path, "latin1")).toBe(`${process.pid}\0`);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(runningPid(path)).toBe(process.pid);
    file.remove();
    expect(existsSync(path)).toBe(false);
  });

  it("keeps a second pgpool from starting", () => {
    const path = newPath();
    writeFileSync(path, `${process.ppid}\0`);
    expect(() => PidFile.check(path)).toThrow(AlreadyRunningError);
    expect(() => PidFile.create(path)).toThrow(
      `pid file found. is another pgpool(${process.ppid}) is running?`,
    );
    expect(readFileSync(path, "latin1")).toBe(`${process.ppid}\0`);
  });

  it("is replaced when its process is gone", () => {
    const path = newPath();
    writeFileSync(path, `${deadPid()}\0`);
    expect(PidFile.check(path)).toBe(true);
    PidFile.create(path).remove();
  });

  it("is replaced when its pid belongs to a younger process by now", () => {
    const path = newPath();
    writeFileSync(path, `${process.ppid}\0`);
    const longAgo = new Date("2001-01-01");
    utimesSync(path, longAgo, longAgo);
    expect(PidFile.check(path)).toBe(true);
  });

  it("is replaced when it names this very process, as after a restart of a container", () => {
    const path = newPath();
    writeFileSync(path, `${process.pid}\0`);
    PidFile.create(path).remove();
  });

  it("is not removed when it is somebody else's", () => {
    const path = newPath();
    const file = PidFile.create(path);
    writeFileSync(path, "1\0");
    file.remove();
    expect(existsSync(path)).toBe(true);
  });

  it("tells when there is none, or when it can not be written", () => {
    expect(() => runningPid(newPath())).toThrow(NoPidFileError);
    const nowhere = join(tempDir(), "missing", "pgpool.pid");
    expect(() => PidFile.create(nowhere)).toThrow(ProcessError);
    expect(() => PidFile.create(nowhere)).toThrow(`could not open pid file "${nowhere}"`);
  });

  it("knows which processes run", () => {
    expect(isAlive(process.pid)).toBe(true);
    expect(isAlive(1)).toBe(true);
    expect(isAlive(deadPid())).toBe(false);
  });
});
