import {
  bind,
  closePortal,
  copyData,
  copyDone,
  copyFail,
  describePortal,
  describeStatement,
  execute,
  flush,
  functionCall,
  int32,
  parse,
  query,
  sync,
} from "../../../support/frontend.ts";
import { on, onlyWithOneServer, pipeline, script, type Topic, upTo, upToReady } from "../script.ts";
import { repeat, run } from "./pipeline.ts";

/** Functions by their object ids: int4abs(int4), textlen(text), pg_notify, now. */
const INT4ABS = 1251;
const TEXTLEN = 1257;
const LO_CREAT = 957;
const NO_FUNCTION = 999_999;

/** COPY, function calls, cursors and notifications among pipelines, and simple queries in between. */
export const extendedMixtures: Topic = {
  name: "extended_mixtures",
  setup: `
    CREATE TABLE entry (id int PRIMARY KEY, name text);
    INSERT INTO entry SELECT i, 'entry ' || i FROM generate_series(1, 10) i;
    CREATE TABLE target (id int);`,
  scripts: [
    script(
      "copy out",
      pipeline(...run("COPY entry TO STDOUT"), sync),
      pipeline(...run("COPY (SELECT 1) TO STDOUT"), ...run("SELECT 2"), sync),
      pipeline(
        parse("COPY entry TO STDOUT", "c"),
        describeStatement("c"),
        bind({ statement: "c" }),
        describePortal(),
        execute(),
        sync,
      ),
      pipeline(bind({ statement: "c" }), execute("", 2), sync),
    ),
    script(
      "copy in",
      pipeline(...run("COPY target FROM STDIN"), copyData("1\n2\n"), copyDone, sync),
      "SELECT * FROM target ORDER BY id",
      upTo("G", ...run("COPY target FROM STDIN"), flush),
      pipeline(copyData("3\n"), copyDone, sync),
      "SELECT count(*) FROM target",
    ),
    script(
      "copy in and more in one pipeline",
      pipeline(
        ...run("SELECT 1"),
        ...run("COPY target FROM STDIN"),
        copyData("10\n"),
        copyDone,
        ...run("SELECT count(*) FROM target WHERE id = 10"),
        sync,
        ...run("SELECT 2"),
        sync,
      ),
    ),
    script(
      "copy in given up",
      pipeline(...run("COPY target FROM STDIN"), copyData("20\n"), copyFail("enough"), sync),
      pipeline(...run("SELECT count(*) FROM target WHERE id = 20"), sync),
    ),
    script(
      "copy in with bad data",
      upTo("G", ...run("COPY target FROM STDIN"), flush),
      pipeline(copyData("bad\n"), copyData("more\n"), copyDone, sync),
      pipeline(...run("SELECT 1"), sync),
    ),
    script(
      "flush and sync inside of copy in",
      upTo("G", ...run("COPY target FROM STDIN"), flush),
      pipeline(copyData("30\n"), flush, copyData("31\n"), flush, copyDone, sync),
      "SELECT count(*) FROM target WHERE id >= 30",
    ),
    script(
      "sync right after the Execute of copy in",
      upTo("G", ...run("COPY target FROM STDIN"), sync),
      pipeline(copyData("40\n"), copyDone, sync),
      "SELECT count(*) FROM target WHERE id = 40",
    ),
    script(
      "copy in inside of a transaction",
      pipeline(...run("BEGIN"), ...run("COPY target FROM STDIN"), copyData("50\n"), copyDone, sync),
      pipeline(...run("SELECT count(*) FROM target WHERE id = 50"), sync),
      pipeline(...run("ROLLBACK"), ...run("SELECT count(*) FROM target WHERE id = 50"), sync),
    ),
    script(
      "copy data out of place",
      pipeline(copyData("x"), copyDone, ...run("SELECT 1"), sync),
      pipeline(copyFail("x"), sync),
    ),
    script(
      "function calls",
      pipeline(functionCall(INT4ABS, ["-5"])),
      pipeline(functionCall(INT4ABS, [int32(-5)], true)),
      pipeline(functionCall(TEXTLEN, ["four"])),
      pipeline(functionCall(TEXTLEN, [null])),
      pipeline(functionCall(INT4ABS, ["x"])),
      pipeline(functionCall(INT4ABS, ["1", "2"])),
      pipeline(functionCall(NO_FUNCTION, [])),
      pipeline(query("SELECT 1"), functionCall(INT4ABS, ["-6"]), query("SELECT 2")),
    ),
    script(
      "function calls in transactions",
      "BEGIN",
      pipeline(functionCall(INT4ABS, ["-7"])),
      pipeline(functionCall(INT4ABS, ["x"])),
      pipeline(functionCall(INT4ABS, ["-7"])),
      "ROLLBACK",
      pipeline(functionCall(INT4ABS, ["-7"])),
    ),
    script(
      "a function call that writes",
      "SELECT count(*) FROM pg_largeobject_metadata",
      "BEGIN",
      upToReady(1, functionCall(LO_CREAT, [])),
      "ROLLBACK",
      "SELECT count(*) FROM pg_largeobject_metadata",
    ),
    script(
      "simple queries in one write",
      pipeline(query("SELECT 1"), query("SELECT 2"), query("SELECT 1 / 0"), query("SELECT 3")),
      pipeline(
        query("BEGIN"),
        query("INSERT INTO target VALUES (60)"),
        query("SELECT count(*) FROM target WHERE id = 60"),
        query("ROLLBACK"),
        query("SELECT count(*) FROM target WHERE id = 60"),
      ),
      pipeline(...repeat(50, (at) => [query(`SELECT ${at}`)])),
      pipeline(query(""), query(";"), query("SELECT 1")),
    ),
    script(
      "simple and extended in one write",
      pipeline(
        ...run("SELECT 1"),
        sync,
        query("SELECT 2"),
        ...run("SELECT 3"),
        sync,
        query("SELECT 4"),
      ),
      pipeline(
        query("INSERT INTO target VALUES (70)"),
        ...run("SELECT count(*) FROM target WHERE id = 70"),
        sync,
        query("DELETE FROM target WHERE id = 70"),
        ...run("SELECT count(*) FROM target WHERE id = 70"),
        sync,
      ),
    ),
    script(
      "a simple query before the sync",
      pipeline(...run("SELECT 1"), query("SELECT 2")),
      pipeline(parse("SELECT 3"), bind(), query("SELECT 4")),
      pipeline(execute(), sync),
      pipeline(sync),
    ),
    script(
      "a simple query after an error and before the sync",
      upToReady(1, ...run("SELECT 1 / 0"), query("SELECT 'skipped'"), sync),
      "SELECT 'not skipped'",
    ),
    script(
      "notifications arrive before ReadyForQuery",
      "LISTEN channel",
      pipeline(...run("NOTIFY channel, 'one'"), sync),
      pipeline(...run("SELECT pg_notify('channel', $1)", "two"), ...run("SELECT 3"), sync),
      on("b", "NOTIFY channel, 'from b'"),
      upTo("A"),
      pipeline(...run("UNLISTEN channel"), sync),
    ),
    script(
      "notices in a pipeline",
      pipeline(
        ...run("DROP TABLE IF EXISTS none"),
        ...run("DO $$ BEGIN RAISE WARNING 'careful'; END $$"),
        ...run("SELECT 1"),
        sync,
      ),
      pipeline(...run("COMMIT"), sync),
      pipeline(...run("BEGIN"), ...run("BEGIN"), sync, ...run("ROLLBACK"), sync),
    ),
    script(
      "settings in a pipeline",
      pipeline(
        ...run("SET datestyle = 'German'"),
        ...run("SELECT '2024-03-01'::date"),
        ...run("RESET datestyle"),
        ...run("SELECT '2024-03-01'::date"),
        sync,
      ),
    ),
    onlyWithOneServer(
      "a standby may keep a SET of a pipeline that fails behind it (docs/limits.md)",
      script(
        "a setting in a pipeline that fails",
        pipeline(...run("SET work_mem = '3MB'"), ...run("SELECT 1 / 0"), sync),
        pipeline(...run("SHOW work_mem"), sync),
      ),
    ),
    script(
      "cursors in the extended protocol",
      pipeline(
        ...run("BEGIN"),
        ...run("DECLARE c CURSOR FOR SELECT id FROM entry ORDER BY id"),
        sync,
      ),
      pipeline(...run("FETCH 2 FROM c"), ...run("FETCH 2 FROM c"), sync),
      pipeline(
        parse("FETCH 3 FROM c", "fetch"),
        describeStatement("fetch"),
        bind({ statement: "fetch" }),
        execute("", 2),
        execute(),
        sync,
      ),
      pipeline(
        ...run("MOVE BACKWARD ALL IN c"),
        ...run("FETCH c"),
        ...run("CLOSE c"),
        ...run("COMMIT"),
        sync,
      ),
      pipeline(...run("DECLARE h CURSOR WITH HOLD FOR SELECT id FROM entry ORDER BY id"), sync),
      pipeline(...run("FETCH 2 FROM h"), ...run("CLOSE h"), sync),
    ),
    script(
      "portals over an error",
      "BEGIN",
      pipeline(
        parse("SELECT id FROM entry ORDER BY id"),
        bind({ portal: "p" }),
        execute("p", 1),
        sync,
      ),
      "SAVEPOINT s",
      pipeline(...run("SELECT 1 / 0"), sync),
      pipeline(execute("p", 1), sync),
      "ROLLBACK TO s",
      pipeline(execute("p", 1), sync),
      pipeline(closePortal("p"), sync),
      "COMMIT",
    ),
    script(
      "a portal read while its table is written",
      "BEGIN",
      pipeline(
        parse("SELECT id FROM entry ORDER BY id"),
        bind({ portal: "p" }),
        execute("p", 2),
        sync,
      ),
      pipeline(...run("INSERT INTO entry VALUES (11, 'eleven')"), sync),
      pipeline(execute("p", 2), sync),
      pipeline(...run("SELECT count(*) FROM entry"), sync),
      pipeline(execute("p", 0), sync),
      "ROLLBACK",
    ),
    script(
      "merge, returning and with in a pipeline",
      pipeline(
        ...run("WITH w AS (INSERT INTO target VALUES (80) RETURNING id) SELECT id FROM w"),
        ...run(
          "MERGE INTO target t USING (VALUES (80), (81)) v(id) ON t.id = v.id WHEN MATCHED THEN UPDATE SET id = 180 WHEN NOT MATCHED THEN INSERT VALUES (v.id) RETURNING merge_action(), t.id",
        ),
        ...run("UPDATE target SET id = id + 1 WHERE id = 180 RETURNING old.id, new.id"),
        ...run("DELETE FROM target WHERE id IN (81, 181)"),
        sync,
      ),
    ),
    script(
      "prepared transactions",
      pipeline(
        ...run("BEGIN"),
        ...run("INSERT INTO target VALUES (90)"),
        ...run("PREPARE TRANSACTION 'piped'"),
        sync,
      ),
      pipeline(...run("SELECT count(*) FROM target WHERE id = 90"), sync),
      pipeline(
        ...run("ROLLBACK PREPARED 'piped'"),
        ...run("SELECT count(*) FROM target WHERE id = 90"),
        sync,
      ),
    ),
    onlyWithOneServer(
      "the read has run on the standby, so that VACUUM is the first of its pipeline on the primary",
      script(
        "a statement that refuses pipelines after a read",
        pipeline(...run("SELECT 1"), ...run("VACUUM entry"), sync),
        pipeline(...run("SELECT 1"), ...run("CREATE DATABASE never"), sync),
      ),
    ),
    script(
      "statements that refuse pipelines",
      pipeline(...run("VACUUM entry"), sync),
      pipeline(...run("INSERT INTO target VALUES (91)"), ...run("VACUUM entry"), sync),
      pipeline(...run("INSERT INTO target VALUES (91)"), ...run("CREATE DATABASE never"), sync),
      pipeline(...run("SELECT count(*) FROM target WHERE id = 91"), sync),
      pipeline(...run("VACUUM entry"), ...run("SELECT 1 / 0"), sync),
    ),
    script(
      "sequences",
      pipeline(
        ...run("CREATE SEQUENCE piped"),
        ...run("SELECT nextval('piped')"),
        ...run("SELECT currval('piped')"),
        sync,
      ),
      pipeline(
        parse("SELECT nextval($1::regclass)", "next"),
        ...repeat(3, () => [bind({ statement: "next", values: ["piped"] }), execute()]),
        sync,
      ),
      pipeline(...run("DROP SEQUENCE piped"), sync),
    ),
    script(
      "locking reads",
      pipeline(...run("BEGIN"), ...run("SELECT id FROM entry WHERE id = 1 FOR UPDATE"), sync),
      on("b", "SELECT id FROM entry WHERE id = 1 FOR UPDATE NOWAIT"),
      pipeline(...run("COMMIT"), sync),
      on("b", "SELECT id FROM entry WHERE id = 1 FOR UPDATE NOWAIT"),
    ),
  ],
};
