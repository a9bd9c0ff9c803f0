import { copyData, copyDone, query } from "../../../support/frontend.ts";
import { copyIn, failing, on, pipeline, rows, script, type Topic } from "../script.ts";

const SIGNATURE = "PGCOPY\n\u00ff\r\n\0";

/** COPY's binary format (PostgreSQL documentation, COPY): one row of one int4, and the trailer. */
function binaryRow(value: number): Uint8Array {
  const row = Buffer.alloc(10);
  row.writeInt16BE(1, 0);
  row.writeInt32BE(4, 2);
  row.writeInt32BE(value, 6);
  return Buffer.concat([
    Buffer.from(SIGNATURE, "latin1"),
    Buffer.alloc(8),
    row,
    Buffer.from([0xff, 0xff]),
  ]);
}

/** COPY in both directions by simple queries. */
export const copies: Topic = {
  name: "copies",
  setup: `
    CREATE TABLE cargo (id int, name text);
    CREATE TABLE load (id int PRIMARY KEY);
    CREATE TABLE written (id int);
    INSERT INTO cargo VALUES (1, 'one'), (2, NULL), (3, E'tab\\there'), (4, 'ünï');`,
  scripts: [
    script(
      "out",
      "COPY cargo TO STDOUT",
      "COPY cargo (name) TO STDOUT WITH (FORMAT csv, HEADER, FORCE_QUOTE *)",
      "COPY (SELECT id * 2 FROM cargo ORDER BY id) TO STDOUT",
      "COPY cargo TO STDOUT (FORMAT binary)",
      "COPY (SELECT 1 WHERE false) TO STDOUT",
      "COPY (SELECT g, repeat('x', 50) FROM generate_series(1, 3000) g) TO STDOUT",
      "COPY (SELECT 10 / (3 - g) FROM generate_series(1, 5) g) TO STDOUT",
      "COPY nothing TO STDOUT",
      "COPY (INSERT INTO written VALUES (1), (2) RETURNING id) TO STDOUT",
      "SELECT count(*) FROM written",
      "COPY cargo TO STDOUT; SELECT 1",
      "COPY (SELECT 1) TO STDOUT; COPY (SELECT 2) TO STDOUT",
      "COPY (TABLE cargo) TO STDOUT (DELIMITER '|', NULL 'nil')",
      "COPY cargo TO STDOUT (FORMAT nonsense)",
    ),
    script(
      "in",
      copyIn("COPY written FROM STDIN", rows("10\n11\n")),
      "SELECT count(*), max(id) FROM written",
      copyIn("COPY written FROM STDIN", rows("1", "2\n", "", "13\n\\.\n")),
      copyIn("COPY written FROM STDIN", rows()),
      copyIn("COPY cargo FROM STDIN (FORMAT csv, HEADER)", rows("id,name\n", '5,"a ""b"""\n6,\n')),
      "SELECT * FROM cargo WHERE id > 4 ORDER BY id",
      copyIn("COPY cargo (name) FROM STDIN", rows("alone\n")),
      "SELECT * FROM cargo WHERE id IS NULL",
      copyIn("COPY written FROM STDIN (FORMAT binary)", rows(binaryRow(77))),
      "SELECT * FROM written WHERE id = 77",
      copyIn("COPY written FROM STDIN WHERE id > 2", rows("1\n2\n3\n")),
      copyIn("COPY written FROM STDIN", rows(...Array.from({ length: 200 }, (_, at) => `${at}\n`))),
      "SELECT count(*) FROM written",
      copyIn("COPY load FROM STDIN (ON_ERROR ignore, LOG_VERBOSITY verbose)", rows("1\nx\n2\n")),
      "SELECT * FROM load ORDER BY id",
    ),
    script(
      "in, with errors",
      copyIn("COPY written FROM STDIN", failing("no more of this", "1\n")),
      copyIn("COPY written FROM STDIN", failing("")),
      copyIn("COPY written FROM STDIN", rows("1\nabc\n")),
      copyIn("COPY written FROM STDIN", rows("1\t2\n")),
      copyIn("COPY load FROM STDIN", rows("50\n50\n")),
      copyIn("COPY nothing FROM STDIN", rows("1\n")),
      copyIn("COPY written FROM STDIN (FORMAT binary)", rows("not binary")),
      "SELECT count(*) FROM load WHERE id = 50",
      pipeline(copyData("out of place"), query("SELECT 'still here'")),
      pipeline(copyDone, query("SELECT 'still here'")),
    ),
    script(
      "in transactions and among other statements",
      "BEGIN",
      copyIn("COPY load FROM STDIN", rows("100\n")),
      "SELECT count(*) FROM load WHERE id = 100",
      on("b", "SELECT count(*) FROM load WHERE id = 100"),
      copyIn("COPY load FROM STDIN", failing("enough")),
      "SELECT 1",
      "ROLLBACK",
      "SELECT count(*) FROM load WHERE id = 100",
      copyIn(
        "SELECT 'before'; COPY written FROM STDIN; SELECT 'between'; COPY load FROM STDIN; SELECT 'after'",
        rows("1000\n"),
        rows("1001\n"),
      ),
      copyIn(
        "COPY written FROM STDIN; COPY load FROM STDIN; SELECT 'never'",
        rows("2000\n"),
        failing("not the second"),
      ),
      "SELECT count(*) FROM written WHERE id >= 1000",
      "CREATE TEMP TABLE temporary_load (id int)",
      copyIn("COPY temporary_load FROM STDIN", rows("5\n")),
      "COPY temporary_load TO STDOUT",
      "BEGIN",
      "CREATE TABLE frozen (a int)",
      copyIn("COPY frozen FROM STDIN (FREEZE)", rows("1\n")),
      "COMMIT",
      copyIn("COPY frozen FROM STDIN (FREEZE)", rows("2\n")),
      "DROP TABLE frozen",
    ),
  ],
};
