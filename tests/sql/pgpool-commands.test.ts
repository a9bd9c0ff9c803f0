import { describe, expect, it } from "bun:test";
import fc from "fast-check";
import {
  looksLikePgpoolCommand,
  parsePgpoolCommand,
  type PgpoolCommand,
  POOL_VIEWS,
} from "../../lib/sql/pgpool-commands.ts";

const encoder = new TextEncoder();

function looks(sql: string): boolean {
  const bytes = encoder.encode(`....${sql}....`);
  return looksLikePgpoolCommand(bytes, 4, bytes.length - 4);
}

const COMMANDS: readonly (readonly [string, PgpoolCommand])[] = [
  ["SHOW POOL_NODES", { kind: "show-pool", view: "pool_nodes" }],
  ["show pool_nodes;", { kind: "show-pool", view: "pool_nodes" }],
  [" \n/* a /* b */ */ -- c\nShow Pool_Nodes ; -- d", { kind: "show-pool", view: "pool_nodes" }],
  ["SHOW/**/pool_cache", { kind: "show-pool", view: "pool_cache" }],
  ['SHOW "pool_version"', { kind: "show-pool", view: "pool_version" }],
  ["SHOW pool_nodes; SELECT 1", { kind: "show-pool", view: "pool_nodes" }],
  ["PGPOOL SHOW ALL", { kind: "show", name: "all" }],
  ["pgpool show Port;", { kind: "show", name: "port" }],
  ["PGPOOL SHOW backend_port0", { kind: "show", name: "backend_port0" }],
  ["PGPOOL SHOW health_check", { kind: "show", name: "health_check" }],
  ['PGPOOL SHOW "Port"', { kind: "show", name: "Port" }],
  ["PGPOOL SET client_idle_limit = 350", { kind: "set", name: "client_idle_limit", value: "350" }],
  ["pgpool set x to on", { kind: "set", name: "x", value: "on" }],
  ["PGPOOL SET x=-1.5", { kind: "set", name: "x", value: "-1.5" }],
  ["PGPOOL SET x TO +7", { kind: "set", name: "x", value: "7" }],
  ["PGPOOL SET x TO 'It''s'", { kind: "set", name: "x", value: "It's" }],
  ["PGPOOL SET x TO E'a\\'b\\n\\q'", { kind: "set", name: "x", value: "a'b\nq" }],
  ["PGPOOL SET x TO WARNING;", { kind: "set", name: "x", value: "warning" }],
  ["PGPOOL SET x TO a, 'B', 3", { kind: "set", name: "x", value: "a, B, 3" }],
  ["PGPOOL SET x TO DEFAULT", { kind: "set", name: "x" }],
  ["PGPOOL SET x TO 'default'", { kind: "set", name: "x", value: "default" }],
  ["PGPOOL RESET x", { kind: "reset", name: "x" }],
  ["PGPOOL RESET ALL;", { kind: "reset-all" }],
  ['PGPOOL RESET "all"', { kind: "reset", name: "all" }],
  [
    "PGPOOL SET CACHE DELETE 'SELECT ''a'' FROM t;'",
    { kind: "cache-delete", query: "SELECT 'a' FROM t;" },
  ],
  ["pgpool set cache delete ''", { kind: "cache-delete", query: "" }],
  ["PGPOOL SET cache = 1", { kind: "set", name: "cache", value: "1" }],
];

const OTHERS: readonly string[] = [
  "",
  ";",
  "SELECT 1",
  "SHOW ALL",
  "SHOW work_mem",
  "SHOW pool_xyz",
  'SHOW "POOL_NODES"',
  "SHOW pool_nodes x",
  "SHOW pool_nodes = 1",
  "PGPOOL",
  "PGPOOL SHOW",
  "PGPOOL SHOW a b",
  "PGPOOL SHOW 'a'",
  "PGPOOL SET x",
  "PGPOOL SET x =",
  "PGPOOL SET x = 5min",
  "PGPOOL SET x = 1 2",
  "PGPOOL SET x = -a",
  "PGPOOL SET x = 'open",
  "PGPOOL SET x = a,",
  "PGPOOL SET x = DEFAULT, 1",
  "PGPOOL SET CACHE DELETE",
  "PGPOOL SET CACHE DELETE a",
  "PGPOOL RESET",
  "PGPOOL EXPLODE",
  '"pgpool" SHOW ALL',
  "/* SHOW pool_nodes",
];

describe("pgpool's own commands", () => {
  for (const [sql, command] of COMMANDS) {
    it(`are recognised: ${JSON.stringify(sql)}`, () => {
      expect(looks(sql)).toBe(true);
      expect(parsePgpoolCommand(sql)).toEqual(command);
    });
  }

  for (const view of POOL_VIEWS) {
    it(`show ${view}`, () => {
      expect(parsePgpoolCommand(`SHOW ${view}`)).toEqual({ kind: "show-pool", view });
    });
  }

  for (const sql of OTHERS) {
    it(`are not ${JSON.stringify(sql)}`, () => expect(parsePgpoolCommand(sql)).toBeUndefined());
  }

  it("are not looked for in most statements", () => {
    for (
      const sql of ["SELECT 1", "SHOW work_mem", "shows", "pgpool2", "INSERT", "SHOW", "PG", ""]
    ) {
      expect(looks(sql)).toBe(false);
    }
  });

  it("are never missed by the quick look, and no text breaks either", () => {
    const piece = fc.oneof(
      fc.constantFrom("SHOW", "PGPOOL", "pool_nodes", '"', "'", "/*", "*/", "--", "\n", " ", ";"),
      fc.constantFrom("SET", "x", "=", "TO", "1", "E'", "\\", "RESET", "ALL", ",", "-", "é"),
      fc.string({ maxLength: 5 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 10 }), fc.constantFrom("", " "), (pieces, glue) => {
        const sql = pieces.join(glue);
        if (parsePgpoolCommand(sql) !== undefined) expect(looks(sql)).toBe(true);
        else looks(sql);
      }),
      { numRuns: 3000 },
    );
  });
});
