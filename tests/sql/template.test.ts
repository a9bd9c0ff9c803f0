import { beforeAll, describe, expect, it } from "bun:test";
import fc from "fast-check";
import { classifyTree, type StatementClass } from "../../lib/sql/classify.ts";
import { loadParser, parse } from "../../lib/sql/parser.ts";
import { UNPARSABLE } from "../../lib/sql/statement-class.ts";
import { LONGEST_PARSED, StatementCache } from "../../lib/sql/template.ts";
import { ALL } from "./statements.ts";

beforeAll(loadParser);

const encoder = new TextEncoder();
const LIMITS = { entries: 10_000, maxBytes: 16 << 20 };

function ask(cache: StatementCache, sql: string): StatementClass {
  const bytes = encoder.encode(`Q....${sql}\0`);
  return cache.classify(bytes, 5, bytes.length - 1);
}

function directly(sql: string): StatementClass {
  const outcome = parse(sql);
  return outcome.ok ? classifyTree(outcome.tree) : UNPARSABLE;
}

describe("a statement seen before", () => {
  const alike: readonly (readonly [string, string])[] = [
    ["SELECT a FROM t WHERE b = 1", "select a from T where B = 23456"],
    ["SELECT 1", "SELECT -- one\n\t1.5e10 /* a /* b */ */ "],
    ["SELECT 'a'", "SELECT 'it''s; -- /* \" $$ \\'"],
    ["SELECT $$a$$", "SELECT $x$ ' $$ $x$"],
    ["SELECT E'a'", "SELECT e'\\'; DROP TABLE t; --'"],
    ["SELECT 'a'", "SELECT $$it's$$"],
    ["SELECT 'é'", "SELECT 'ü'"],
    ['SELECT "A b" FROM "T" WHERE x = .5', 'SELECT "A b" FROM "T" WHERE x = 0x1F'],
    ["INSERT INTO t VALUES (1, 'a')", "INSERT INTO t VALUES (2, 'b')"],
  ];
  for (const [first, second] of alike) {
    it(`is not parsed again: ${second.replaceAll("\n", "\\n")}`, () => {
      const cache = new StatementCache(LIMITS);
      const found = ask(cache, first);
      expect(ask(cache, second)).toBe(found);
      expect(cache.stats).toMatchObject({ parsed: 1, templateHits: 1 });
    });
  }

  const different: readonly (readonly [string, string])[] = [
    ["SELECT a FROM t", "SELECT a FROM u"],
    ['SELECT a FROM "t"', 'SELECT a FROM "T"'],
    ["SELECT f(1)", "SELECT g(1)"],
    ["SELECT 1", "SELECT 1; SELECT 1"],
    ["SELECT '1;'", "SELECT '1'; DELETE FROM t"],
    ["SELECT 1 -- ; DELETE FROM t", "SELECT 1 -- \n; DELETE FROM t"],
    ["SELECT 1 /* ; DELETE FROM t */", "SELECT 1 /* */ ; DELETE FROM t"],
    ["SELECT 'a\\'", "SELECT E'a\\'; DELETE FROM t; --'"],
    ["SELECT e 'a\\'; DELETE FROM t; --'", "SELECT E'a\\'; DELETE FROM t; --'"],
    ["SELECT _e'a\\'; DELETE FROM t; --'", "SELECT E'a\\'; DELETE FROM t; --'"],
    ["SELECT E'a'\n'\\'; DELETE FROM t --'", "SELECT E'a'\n'b'; DELETE FROM t --'"],
    ["SELECT a$b$ FROM t; DELETE FROM u; --$b$", "SELECT $b$ FROM t; DELETE FROM u; --$b$"],
    ["SELECT pg_terminate_backend(1)", "SELECT pg_terminate_backend(2)"],
    ["SET transaction_read_only = 0", "SET transaction_read_only = 1"],
    ["SET a.b = 'x'", "SET a.b = 'y'"],
    ["SET search_path = 'a'", "SET search_path = 'pg_temp'"],
    ["EXPLAIN (ANALYZE 0) DELETE FROM t", "EXPLAIN (ANALYZE 1) DELETE FROM t"],
    ["SELECT * FROM U&\"!0041\" UESCAPE '!'", "SELECT * FROM U&\"!0041\" UESCAPE '?'"],
    ["COPY t TO STDOUT", "COPY t TO 'stdout'"],
    ["SELECT a- -b FROM t", "SELECT a--b FROM t"],
    ["BEGIN", "BEGIN READ WRITE"],
  ];
  for (const [first, second] of different) {
    it(`is not taken for another: ${second.replaceAll("\n", "\\n")}`, () => {
      const cache = new StatementCache(LIMITS);
      for (const sql of [first, second, first, second]) {
        expect(ask(cache, sql)).toEqual(directly(sql));
      }
    });
  }

  it("is remembered also when only the very text may be", () => {
    const cache = new StatementCache(LIMITS);
    const found = ask(cache, "SET a.b = 'x'");
    expect(ask(cache, "SET a.b = 'x'")).toBe(found);
    expect(cache.stats.parsed).toBe(1);
  });

  it("is remembered also when it is wrong", () => {
    const cache = new StatementCache(LIMITS);
    expect(ask(cache, "SELEC 1").kind).toBe("unparsable");
    ask(cache, "SELEC 1");
    expect(cache.stats.parsed).toBe(1);
  });

  it("is found by its text when it is long and comes again and again", () => {
    const cache = new StatementCache(LIMITS);
    const sql = `SELECT ${"a, ".repeat(200)} b FROM t`;
    const found = ask(cache, sql);
    for (let n = 0; n < 5; n++) expect(ask(cache, sql)).toBe(found);
    expect(cache.stats).toMatchObject({ parsed: 1, templateHits: 1, exactHits: 4 });
  });
});

describe("every statement", () => {
  it("has the class it would have without a cache, whatever came before", () => {
    const cache = new StatementCache(LIMITS);
    for (let round = 0; round < 3; round++) {
      for (const [sql] of ALL) expect(ask(cache, sql)).toEqual(directly(sql));
    }
  });

  const piece = fc.oneof(
    fc.constantFrom(...ALL.map(([sql]) => sql)),
    fc.constantFrom(
      "SELECT",
      "FROM",
      "t",
      "T",
      '"T"',
      "e",
      "u",
      "E",
      "x",
      "f(",
      ")",
      ",",
      "=",
      ";",
    ),
    fc.constantFrom("1", "2.5", ".5", "0x1F", "1e5", "1_0", "$1", "-", "--", "/*", "*/", "\n", " "),
    fc.constantFrom(
      "'a'",
      "'b;'",
      "''",
      "'",
      "\\",
      "E'\\''",
      "$$",
      "$a$",
      "$a",
      "U&",
      '"',
      "&",
      ".",
    ),
    fc.constantFrom("N'x'", "B'01'", "WITH c AS (", "DELETE FROM t", "UNION", "é", "\0"),
  );

  it("made of odd pieces has the class it would have without a cache", () => {
    const cache = new StatementCache({ entries: 64, maxBytes: 1 << 20 });
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), fc.constantFrom("", " "), (pieces, glue) => {
        const sql = pieces.join(glue);
        const found = ask(cache, sql);
        const expected = sql.includes("\0") ? UNPARSABLE : directly(sql);
        // A hit does not tell that a text is wrong, but never takes a valid one for another.
        if (expected.kind !== "unparsable") expect(found).toEqual(expected);
      }),
      { numRuns: 4000 },
    );
  });

  it("with other literals has the same class", () => {
    const literal = fc.oneof(
      fc.integer({ min: 0 }).map(String),
      fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }).map(String),
      fc.string().map((text) => `'${text.replaceAll("\0", "").replaceAll("'", "''")}'`),
      fc.string().map((text) =>
        `E'${text.replaceAll("\0", "").replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`
      ),
      fc.string().map((text) => `$q$${text.replaceAll("\0", "").replaceAll("$", "")}$q$`),
    );
    const cache = new StatementCache(LIMITS);
    fc.assert(
      fc.property(literal, literal, fc.constantFrom(" ", "\n", "/**/", " --\n"), (a, b, blank) => {
        const sql = ["SELECT", a, ",", "f(", b, ")", "FROM", "t;"].join(blank);
        expect(ask(cache, sql)).toEqual(directly(sql));
        expect(ask(cache, sql).kind).toBe("select");
      }),
      { numRuns: 500 },
    );
    expect(cache.stats.parsed).toBeLessThan(100);
  });
});

describe("hostile texts", () => {
  it("of random bytes are answered", () => {
    const cache = new StatementCache({ entries: 64, maxBytes: 1 << 20 });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(cache.classify(bytes, 0, bytes.length).kind).toBeString();
      }),
      { numRuns: 2000 },
    );
  });

  it("with zeros or invalid UTF-8 go to the primary, also when a like one was valid", () => {
    const cache = new StatementCache(LIMITS);
    expect(ask(cache, "SELECT 'é'").kind).toBe("select");
    for (const byte of [0xff, 0xc3, 0x80, 0x00]) {
      const bytes = encoder.encode("SELECT '-'");
      bytes[8] = byte;
      const found = cache.classify(bytes, 0, bytes.length);
      // Within a literal a zero cannot come from a client; beyond ASCII it must be UTF-8.
      if (byte !== 0) expect(found).toBe(UNPARSABLE);
    }
    expect(ask(cache, "SELECT 1\0; DELETE FROM t")).toBe(UNPARSABLE);
    expect(ask(cache, "SELECT 1 --\0\n; DELETE FROM t")).toBe(UNPARSABLE);
    expect(ask(cache, "SELECT 1 ; DELETE FROM t").kind).toBe("multi");
  });

  it("of deep nesting leave the parser usable", async () => {
    const cache = new StatementCache(LIMITS);
    const deep = [
      `SELECT ${"(".repeat(15_000)}1${")".repeat(15_000)}`,
      `SELECT ${"1+".repeat(14_000)}1`,
      `SELECT 1${"::int".repeat(9_000)}`,
      `${"SELECT 1 UNION ".repeat(3_900)}SELECT 1`,
      `SELECT ${"a".repeat(50_000)}`,
      `SELECT ${"f(".repeat(5_000)}${")".repeat(5_000)}`,
    ];
    for (let round = 0; round < 4; round++) {
      for (const sql of deep) {
        expect(["select", "unparsable"]).toContain(ask(cache, sql).kind);
        await parserBack();
        expect(ask(cache, `SELECT a${round}`).kind).toBe("select");
      }
    }
  });

  it("too long to be parsed go to the primary, by their first words", () => {
    const cache = new StatementCache(LIMITS);
    const tail = `'${"x".repeat(LONGEST_PARSED)}'`;
    const expected: readonly (readonly [string, string])[] = [
      [`SELECT ${tail}`, "select"],
      [`/* a */ (SELECT ${tail})`, "select"],
      [`INSERT INTO t VALUES (${tail});  -- done`, "insert"],
      [`UPDATE t SET a = ${tail}`, "update"],
      [`DO ${tail}`, "do"],
      [`CREATE FUNCTION f() RETURNS int LANGUAGE sql AS ${tail}`, "ddl"],
      [`SELECT ';' || ${tail} || $$;$$ /* ; */ || E'\\';' || a$b$;`, "select"],
      [`BEGIN; INSERT INTO t VALUES (${tail}); COMMIT`, "multi"],
      [`WITH a AS (DELETE FROM t) SELECT ${tail}`, "other"],
      [`-- ${tail}`, "empty"],
    ];
    for (const [sql, kind] of expected) {
      const found = ask(cache, sql);
      expect([sql.slice(0, 40), found.kind]).toEqual([sql.slice(0, 40), kind]);
      if (kind !== "empty") expect(found).toMatchObject({ route: "primary", isRead: false });
    }
    expect(cache.stats.parsed).toBe(0);
  });

  it("of which only the beginning is there go to the primary", () => {
    const cache = new StatementCache(LIMITS);
    const bytes = encoder.encode("SELECT 1");
    expect(cache.classify(bytes, 0, bytes.length, { partial: true }))
      .toMatchObject({ kind: "select", route: "primary", isRead: false });
    expect(cache.classify(bytes, 0, 0, { partial: true }).kind).toBe("other");
  });

  it("with backslashes are not trusted when backslashes escape in every string", () => {
    const cache = new StatementCache(LIMITS);
    const hints = { backslashEscapes: true };
    const bytes = encoder.encode("SELECT '\\'; DELETE FROM t; --'");
    expect(cache.classify(bytes, 0, bytes.length, hints)).toBe(UNPARSABLE);
    const plain = encoder.encode("SELECT 'a'");
    expect(cache.classify(plain, 0, plain.length, hints).kind).toBe("select");
  });
});

describe("memory", () => {
  it("is bounded whatever texts come", () => {
    const limits = { entries: 100, maxBytes: 200_000 };
    const cache = new StatementCache(limits);
    for (let n = 0; n < 3000; n++) {
      ask(cache, `SELECT a${n} FROM t${n}`);
      ask(cache, `SET a.b = '${n}${"x".repeat(n)}'`);
      const { entries, bytes } = cache.stats;
      expect(entries).toBeLessThanOrEqual(limits.entries + 2);
      expect(bytes).toBeLessThanOrEqual(limits.maxBytes);
    }
  });

  it("keeps what is used while others come and go", () => {
    const cache = new StatementCache({ entries: 100, maxBytes: 1 << 20 });
    const found = ask(cache, "SELECT keep");
    for (let n = 0; n < 500; n++) {
      ask(cache, `SELECT a${n}`);
      expect(ask(cache, "SELECT keep")).toBe(found);
    }
  });
});

/** Waits until a breakdown of the parser, if there was one, is mended. */
async function parserBack(): Promise<void> {
  const deadline = performance.now() + 5000;
  while (performance.now() < deadline) {
    const outcome = parse("SELECT 1");
    if (outcome.ok) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error("the parser did not come back");
}
