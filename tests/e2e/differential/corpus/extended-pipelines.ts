import {
  bind,
  closeStatement,
  describePortal,
  describeStatement,
  execute,
  parse,
  query,
  sync,
} from "../../../support/frontend.ts";
import { pipeline, script, type Topic, upToReady } from "../script.ts";
import { repeat, run } from "./pipeline.ts";

/** Pipelines of any depth, errors in the middle of them, transactions over them. */
export const extendedPipelines: Topic = {
  name: "extended_pipelines",
  setup: `
    CREATE TABLE entry (id int PRIMARY KEY, name text);
    INSERT INTO entry SELECT i, 'entry ' || i FROM generate_series(1, 10) i;
    CREATE TABLE target (id int);`,
  scripts: [
    script(
      "many statements, one sync",
      pipeline(...repeat(20, (at) => run("SELECT $1::int", String(at))), sync),
    ),
    script(
      "many statements, many syncs",
      pipeline(
        ...repeat(20, (at) => [...run("SELECT name FROM entry WHERE id = $1", String(at)), sync]),
      ),
    ),
    script(
      "a very deep pipeline",
      pipeline(...repeat(600, (at) => [...run("SELECT $1::int", String(at)), sync])),
    ),
    script(
      "one statement bound many times",
      pipeline(
        parse("SELECT name FROM entry WHERE id = $1", "s"),
        ...repeat(50, (at) => [bind({ statement: "s", values: [String(at)] }), execute()]),
        sync,
      ),
    ),
    script(
      "large results in a pipeline",
      pipeline(
        ...repeat(
          5,
          () => [...run("SELECT g, repeat('x', 100) FROM generate_series(1, 3000) g"), sync],
        ),
      ),
    ),
    script(
      "an error skips to the sync",
      pipeline(
        ...run("SELECT 1"),
        ...run("SELECT 1 / 0"),
        ...run("SELECT 2"),
        sync,
        ...run("SELECT 3"),
        sync,
      ),
    ),
    script(
      "an error in Parse skips to the sync",
      pipeline(
        parse("SELEC"),
        bind(),
        execute(),
        closeStatement("x"),
        sync,
        ...run("SELECT 1"),
        sync,
      ),
    ),
    script(
      "an error in Bind skips to the sync",
      pipeline(
        parse("SELECT $1::int"),
        bind({ values: ["x"] }),
        describePortal(),
        execute(),
        sync,
        sync,
      ),
    ),
    script(
      "an error in Describe skips to the sync",
      pipeline(
        ...run("SELECT 1"),
        describeStatement("absent"),
        ...run("SELECT 2"),
        sync,
        ...run("SELECT 3"),
        sync,
      ),
    ),
    script(
      "errors in every pipeline",
      pipeline(...repeat(6, (at) => [...run("SELECT 6 / ($1::int % 2)", String(at)), sync])),
    ),
    script(
      "an error undoes what came since the last sync",
      pipeline(
        ...run("INSERT INTO target VALUES (1)"),
        sync,
        ...run("INSERT INTO target VALUES (2)"),
        ...run("SELECT 1 / 0"),
        sync,
      ),
      "SELECT * FROM target ORDER BY id",
      "TRUNCATE target",
    ),
    script(
      "a read that fails keeps the write after it from happening",
      pipeline(...run("SELECT 1 / 0"), ...run("INSERT INTO target VALUES (3)"), sync),
      "SELECT * FROM target ORDER BY id",
    ),
    script(
      "a read that fails undoes the write between reads",
      pipeline(
        ...run("SELECT count(*) FROM entry"),
        ...run("INSERT INTO target VALUES (4)"),
        ...run("SELECT count(*) FROM entry"),
        ...run("SELECT 1 / 0 FROM entry"),
        sync,
      ),
      "SELECT * FROM target ORDER BY id",
    ),
    script(
      "a write that fails undoes the write before the reads",
      pipeline(
        ...run("INSERT INTO target VALUES (5)"),
        ...run("SELECT count(*) FROM entry"),
        ...run("INSERT INTO entry VALUES (1)"),
        ...run("SELECT count(*) FROM entry"),
        sync,
      ),
      "SELECT * FROM target ORDER BY id",
    ),
    script(
      "a BEGIN after an error does not happen",
      pipeline(
        execute("absent"),
        ...run("BEGIN"),
        ...run("SELECT 1"),
        sync,
        ...run("SELECT 2"),
        sync,
      ),
      "SELECT 3",
      upToReady(1, ...run("SELECT 1 / 0"), query("BEGIN"), ...run("SELECT 1"), sync),
      "SELECT 4",
    ),
    script(
      "a COMMIT after an error does not happen",
      "BEGIN",
      pipeline(...run("SELECT 1 / 0"), ...run("COMMIT"), ...run("SELECT 1"), sync),
      "ROLLBACK",
      "SELECT 1",
    ),
    script(
      "writes and reads in a pipeline",
      pipeline(
        ...run("SELECT count(*) FROM target"),
        ...run("INSERT INTO target VALUES (10)"),
        ...run("SELECT count(*) FROM target"),
        ...run("DELETE FROM target"),
        ...run("SELECT count(*) FROM target"),
        sync,
      ),
    ),
    script(
      "writes and reads with syncs between",
      pipeline(
        ...repeat(8, (at) => [
          ...run("INSERT INTO target VALUES ($1)", String(at)),
          sync,
          ...run("SELECT count(*) FROM target"),
          sync,
        ]),
        ...run("TRUNCATE target"),
        sync,
      ),
    ),
    script(
      "a transaction in one pipeline",
      pipeline(
        ...run("BEGIN"),
        ...run("INSERT INTO target VALUES (1)"),
        ...run("SELECT count(*) FROM target"),
        ...run("ROLLBACK"),
        ...run("SELECT count(*) FROM target"),
        sync,
      ),
    ),
    script(
      "a transaction over several syncs",
      pipeline(...run("BEGIN"), sync),
      pipeline(...run("SELECT count(*) FROM entry"), sync),
      pipeline(...run("INSERT INTO target VALUES (5)"), sync),
      pipeline(...run("SELECT count(*) FROM target"), sync),
      pipeline(...run("COMMIT"), sync),
      pipeline(...run("SELECT count(*) FROM target"), sync),
      pipeline(...run("TRUNCATE target"), sync),
    ),
    script(
      "an error inside of a transaction",
      pipeline(...run("BEGIN"), sync),
      pipeline(...run("SELECT 1 / 0"), ...run("SELECT 1"), sync),
      pipeline(...run("SELECT 1"), sync),
      pipeline(parse("SELECT 1", "s"), sync),
      pipeline(...run("ROLLBACK"), sync),
      pipeline(bind({ statement: "s" }), execute(), sync),
    ),
    script(
      "an error in the pipeline of a transaction",
      pipeline(
        ...run("BEGIN"),
        ...run("SELECT 1 / 0"),
        ...run("COMMIT"),
        sync,
        ...run("COMMIT"),
        sync,
      ),
      pipeline(...run("SELECT 1"), sync),
    ),
    script(
      "commit of an aborted transaction",
      pipeline(
        ...run("BEGIN"),
        sync,
        ...run("SELEC"),
        sync,
        ...run("COMMIT"),
        sync,
        ...run("COMMIT"),
        sync,
      ),
    ),
    script(
      "savepoints",
      pipeline(
        ...run("BEGIN"),
        ...run("SAVEPOINT s"),
        ...run("INSERT INTO target VALUES (1)"),
        sync,
      ),
      pipeline(...run("SELECT 1 / 0"), sync),
      pipeline(...run("ROLLBACK TO s"), ...run("SELECT count(*) FROM target"), sync),
      pipeline(...run("RELEASE s"), ...run("COMMIT"), sync),
    ),
    script(
      "isolation levels",
      pipeline(
        ...run("BEGIN ISOLATION LEVEL SERIALIZABLE"),
        ...run("SELECT count(*) FROM entry"),
        sync,
      ),
      pipeline(...run("SHOW transaction_isolation"), ...run("COMMIT"), sync),
      pipeline(...run("BEGIN READ ONLY"), ...run("INSERT INTO target VALUES (1)"), sync),
      pipeline(...run("ROLLBACK"), sync),
    ),
  ],
};
