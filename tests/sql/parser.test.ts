import { beforeAll, describe, expect, it } from "bun:test";
import { join } from "node:path";
import { loadParser, parse } from "../../lib/sql/parser.ts";
import { tempDir } from "../support/temp.ts";

beforeAll(loadParser);

describe("the parser", () => {
  it("gives the statements of a text, given as string or bytes", () => {
    for (const sql of ["SELECT 1; BEGIN", new TextEncoder().encode("SELECT 1; BEGIN")]) {
      const outcome = parse(sql);
      expect(outcome.ok && outcome.tree.statements.map((each) => Object.keys(each)[0]))
        .toEqual(["SelectStmt", "TransactionStmt"]);
    }
  });

  it("says what is wrong with a text, and where in characters", () => {
    expect(parse("SELECT 'é' FRM t WHERE")).toEqual({
      ok: false,
      error: { message: 'syntax error at or near "t"', cursorPosition: 15 },
      transient: false,
    });
  });

  it("knows the syntax of PostgreSQL 18", () => {
    for (
      const sql of [
        "MERGE INTO t USING s ON t.a = s.a WHEN NOT MATCHED BY SOURCE THEN DELETE RETURNING OLD.a",
        "CREATE TABLE t (a int, b int GENERATED ALWAYS AS (a) VIRTUAL)",
        "ALTER TABLE t ADD CONSTRAINT c NOT NULL a NOT VALID",
        "CREATE TABLE t (a int, b tstzrange, PRIMARY KEY (a, b WITHOUT OVERLAPS))",
        "SELECT * FROM JSON_TABLE('[]', '$[*]' COLUMNS (a int PATH '$.a')) x",
      ]
    ) expect([sql, parse(sql).ok]).toEqual([sql, true]);
  });

  it("works inside a compiled binary", async () => {
    const folder = tempDir();
    const entry = join(folder, "entry.ts");
    const binary = join(folder, "entry");
    const module = join(import.meta.dir, "../../lib/sql/parser.ts");
    await Bun.write(
      entry,
      `import { loadParser, parse } from ${JSON.stringify(module)};
         await loadParser();
         console.log(parse("SELECT 1").ok, parse("SELEC 1").ok);`,
    );
    const options = ["build", entry, "--compile", "--minify", "--outfile", binary];
    const built = Bun.spawn([process.execPath, ...options], { stdout: "ignore", stderr: "pipe" });
    expect([await built.exited, built.exitCode === 0 ? "" : await text(built.stderr)])
      .toEqual([0, ""]);
    const run = Bun.spawn([binary], { cwd: folder, stdout: "pipe", stderr: "ignore" });
    expect(await text(run.stdout)).toBe("true false\n");
  }, 60_000);
});

function text(stream: ReadableStream<Uint8Array>): Promise<string> {
  return new Response(stream).text();
}
