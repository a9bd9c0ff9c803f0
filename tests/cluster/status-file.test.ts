import { afterAll, describe, expect, it } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newNode, unusedNode } from "../../lib/cluster/node.ts";
import {
  formatStatus,
  parseStatus,
  statusFile,
  StatusFileError,
} from "../../lib/cluster/status-file.ts";
import { backend } from "./world.ts";

const directory = mkdtempSync(join(tmpdir(), "pgpool-status-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const up = newNode(backend(0), "up", "none", 0);
const waiting = newNode(backend(0), "waiting", "none", 0);
const down = newNode(backend(1), "down", "failure", 0);

describe("the text of pgpool_status", () => {
  it("is what Pgpool-II writes", () => {
    expect(formatStatus([up, waiting])).toBe("up\nup\n");
    expect(formatStatus([up, down])).toBe("up\ndown\n");
    expect(formatStatus([up, unusedNode(1, 0), down])).toBe("up\nunused\ndown\n");
  });

  it("is not written when all nodes are down", () => {
    expect(formatStatus([down, down])).toBeNull();
  });

  it("is read whatever its case and blanks", () => {
    expect(parseStatus("down \nUP")).toEqual(["down", "up"]);
    expect(parseStatus("Unused\n\u0001\n")).toEqual(["unused", "unknown"]);
    expect(parseStatus("")).toEqual([]);
  });
});

describe("the status file", () => {
  it("survives as it was written, with nothing left beside it", async () => {
    const path = join(directory, "pgpool_status");
    const file = statusFile(path, false);
    expect(await file.save([up, down])).toEqual([]);
    expect(readFileSync(path, "utf8")).toBe("up\ndown\n");
    const { hints, notes } = await file.load();
    expect(hints).toEqual(["up", "down"]);
    expect(notes.map((note) => note.text)).toEqual([
      "reading status file: 0 th backend is set to up status",
      "reading status file: 1 th backend is set to down status",
    ]);
    expect(readdirSync(directory)).toEqual(["pgpool_status"]);
  });

  it("says when there is none, and when it is thrown away", async () => {
    const missing = join(directory, "missing");
    const { notes } = await statusFile(missing, false).load();
    expect(notes.map((note) => note.text)).toEqual([
      `Backend status file ${missing} does not exist`,
    ]);
    const path = join(directory, "discarded");
    writeFileSync(path, "down\nup\n");
    const discarded = await statusFile(path, true).load();
    expect(discarded.hints).toEqual([]);
    expect(discarded.notes.map((note) => note.text)).toEqual([
      `Backend status file ${path} discarded`,
    ]);
    expect(readdirSync(directory)).not.toContain("discarded");
  });

  it("keeps the old file and warns when all nodes are down", async () => {
    const path = join(directory, "kept");
    const file = statusFile(path, false);
    await file.save([up]);
    expect((await file.save([down])).map((note) => note.text)).toEqual([
      "All the DB nodes are in down status and skip writing status file.",
    ]);
    expect(readFileSync(path, "utf8")).toBe("up\n");
  });

  it("reports a directory that is not there", async () => {
    const file = statusFile(join(directory, "no", "such"), false);
    await expect(file.save([up])).rejects.toBeInstanceOf(StatusFileError);
  });
});
