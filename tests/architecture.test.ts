import { describe, expect, it } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";

const ROOT = join(import.meta.dir, "..");
const MAX_LINES = 500;

/** The rooms from top to bottom: a room may import from those below, never from those above. */
const ROOMS = [
  "cmd",
  "process",
  "admin",
  "pcp",
  "watchdog",
  "cluster",
  "session",
  "cache",
  "catalog",
  "pool",
  "auth",
  "sql",
  "wire",
  "net",
  "config",
  "log",
  "extensions",
];

/** What a room may import where that is less than everything below it. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  pcp: ["auth", "net", "config", "log"],
  watchdog: ["config", "log"],
  cluster: ["pool", "wire", "config", "log"],
  session: ["sql", "catalog", "pool", "cache", "wire", "log", "config", "auth"],
  cache: ["config", "log"],
  catalog: ["sql", "wire"],
  pool: ["auth", "wire", "net", "config", "log"],
  auth: ["wire"],
  sql: [],
  wire: [],
  net: ["log"],
  config: ["log"],
  log: [],
  extensions: [],
};

/** Words that several rooms share: files of types, which any room may import. */
const VOCABULARY = new Set(["lib/cluster/types.ts", "lib/process/messages.ts"]);

/** Rooms of which others may name the types, though not call anything. */
const TYPES_FOR: Readonly<Record<string, readonly string[]>> = { session: ["net"] };

interface Import {
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
}

function sourceFiles(dir: string): string[] {
  const path = join(ROOT, dir);
  if (!existsSync(path)) return [];
  return readdirSync(path, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(dir, name).replaceAll(sep, "/"));
}

/** Imports and re-exports of other files of ours. */
function importsOf(file: string): Import[] {
  const text = readFileSync(join(ROOT, file), "utf8");
  const pattern = /^(?:import|export)\s+(type\s)?[^;"']*?(?:from\s+)?["'](\.{1,2}\/[^"']+)["']/gm;
  return [...text.matchAll(pattern)].map(([, type, target = ""]) => ({
    from: file,
    to: relative(ROOT, join(ROOT, dirname(file), target)).replaceAll(sep, "/"),
    typeOnly: type !== undefined,
  }));
}

function roomOf(file: string): string {
  const [top = "", room = ""] = file.split("/");
  return top === "lib" ? room : top;
}

function isAllowed({ from, to, typeOnly }: Import): boolean {
  const [source, target] = [roomOf(from), roomOf(to)];
  if (source === target || VOCABULARY.has(to)) return true;
  if (typeOnly && TYPES_FOR[source]?.includes(target)) return true;
  const allowed = MAY_IMPORT[source] ?? ROOMS.slice(ROOMS.indexOf(source) + 1);
  return allowed.includes(target);
}

const files = ["cmd", "lib"].flatMap(sourceFiles);
const imports = files.flatMap(importsOf);

describe("the rooms of the design", () => {
  it("are all known to this test", () => {
    expect([...new Set(files.map(roomOf))].filter((room) => !ROOMS.includes(room))).toEqual([]);
  });

  it("import only what the design allows them", () => {
    const wrong = imports.filter((one) => !isAllowed(one)).map(({ from, to }) =>
      `${from} -> ${to}`
    );
    expect(wrong).toEqual([]);
  });

  it("have no cycles between them", () => {
    const below = new Map<string, Set<string>>();
    for (const { from, to } of imports) {
      if (VOCABULARY.has(to) || roomOf(from) === roomOf(to)) continue;
      below.set(roomOf(from), (below.get(roomOf(from)) ?? new Set()).add(roomOf(to)));
    }
    const cycles = [...below.keys()].filter((room) => reaches(below, room, room));
    expect(cycles).toEqual([]);
  });

  it("import nothing from tests and scripts", () => {
    expect(imports.filter(({ to }) => /^(tests|scripts)\//.test(to))).toEqual([]);
  });

  it("keep shared types free of imports from rooms", () => {
    const wrong = [...VOCABULARY].filter((file) => existsSync(join(ROOT, file)))
      .flatMap(importsOf).filter(({ to }) => !VOCABULARY.has(to));
    expect(wrong).toEqual([]);
  });
});

describe("source files", () => {
  it(`have at most ${MAX_LINES} lines`, () => {
    const tooLong = [...files, ...["tests", "scripts"].flatMap(sourceFiles)]
      .map((file) => ({
        file,
        lines: readFileSync(join(ROOT, file), "utf8").split("\n").length - 1,
      }))
      .filter(({ lines }) => lines > MAX_LINES);
    expect(tooLong).toEqual([]);
  });
});

function reaches(below: ReadonlyMap<string, ReadonlySet<string>>, from: string, to: string) {
  const seen = new Set<string>();
  const queue = [...below.get(from) ?? []];
  for (let room = queue.pop(); room !== undefined; room = queue.pop()) {
    if (room === to) return true;
    if (seen.has(room)) continue;
    seen.add(room);
    queue.push(...below.get(room) ?? []);
  }
  return false;
}
