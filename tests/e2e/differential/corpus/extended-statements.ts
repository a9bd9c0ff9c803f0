import {
  bind,
  closeStatement,
  describePortal,
  describeStatement,
  execute,
  parse,
  sync,
} from "../../../support/frontend.ts";
import { pipeline, script, type Topic } from "../script.ts";
import { repeat, run } from "./pipeline.ts";

/** Prepared statements while what they stand on changes. */
export const extendedStatements: Topic = {
  name: "extended_statements",
  setup: `
    CREATE TABLE entry (id int PRIMARY KEY, name text);
    INSERT INTO entry SELECT i, 'entry ' || i FROM generate_series(1, 10) i;
    CREATE TABLE target (id int);`,
  scripts: [
    script(
      "a statement over transactions",
      pipeline(parse("SELECT count(*) FROM entry", "count"), sync),
      "BEGIN",
      pipeline(bind({ statement: "count" }), execute(), sync),
      "INSERT INTO entry VALUES (50, 'fifty')",
      pipeline(bind({ statement: "count" }), execute(), sync),
      "ROLLBACK",
      pipeline(bind({ statement: "count" }), execute(), sync),
      "BEGIN",
      "SELECT 1 / 0",
      pipeline(bind({ statement: "count" }), execute(), sync),
      "ROLLBACK",
      pipeline(bind({ statement: "count" }), execute(), sync),
    ),
    script(
      "a statement whose parse is rolled back stays",
      "BEGIN",
      pipeline(parse("SELECT 'stays'", "stays"), sync),
      "ROLLBACK",
      pipeline(bind({ statement: "stays" }), execute(), sync),
    ),
    script(
      "a statement on a table whose making is rolled back",
      "BEGIN",
      "CREATE TABLE brief (a int)",
      pipeline(parse("SELECT * FROM brief", "brief"), describeStatement("brief"), sync),
      pipeline(bind({ statement: "brief" }), execute(), sync),
      "ROLLBACK",
      pipeline(bind({ statement: "brief" }), execute(), sync),
      "CREATE TABLE brief (a int)",
      pipeline(bind({ statement: "brief" }), execute(), sync),
      "DROP TABLE brief",
    ),
    script(
      "a table changes under a statement",
      "CREATE TABLE shifting (a int)",
      pipeline(parse("SELECT * FROM shifting", "s"), bind({ statement: "s" }), execute(), sync),
      "ALTER TABLE shifting ADD b int",
      pipeline(bind({ statement: "s" }), execute(), sync),
      pipeline(describeStatement("s"), sync),
      pipeline(
        closeStatement("s"),
        parse("SELECT * FROM shifting", "s"),
        bind({ statement: "s" }),
        describePortal(),
        execute(),
        sync,
      ),
      "DROP TABLE shifting",
    ),
    script(
      "a statement after the session's settings change",
      pipeline(parse("SELECT count(*) FROM somewhere", "s"), sync),
      "CREATE SCHEMA one CREATE TABLE somewhere (a int)",
      "SET search_path = one",
      pipeline(
        parse("SELECT count(*) FROM somewhere", "s"),
        bind({ statement: "s" }),
        execute(),
        sync,
      ),
      "CREATE SCHEMA two CREATE TABLE somewhere (a int)",
      "INSERT INTO two.somewhere VALUES (1), (2)",
      "SET search_path = two",
      pipeline(bind({ statement: "s" }), execute(), sync),
      "RESET search_path",
      pipeline(bind({ statement: "s" }), execute(), sync),
      "DROP SCHEMA one, two CASCADE",
    ),
    script(
      "discard all forgets statements",
      pipeline(parse("SELECT 1", "s"), sync),
      pipeline(...run("DISCARD ALL"), sync),
      pipeline(bind({ statement: "s" }), execute(), sync),
      pipeline(parse("SELECT 2", "s"), bind({ statement: "s" }), execute(), sync),
    ),
    script(
      "close and parse again in one pipeline",
      pipeline(
        ...repeat(10, (at) => [
          parse(`SELECT ${at}`, "s"),
          bind({ statement: "s" }),
          execute(),
          closeStatement("s"),
        ]),
        sync,
      ),
    ),
    script(
      "statements of temporary tables",
      "CREATE TEMP TABLE scratch (a int)",
      pipeline(
        parse("INSERT INTO scratch VALUES ($1)", "w"),
        parse("SELECT * FROM scratch", "r"),
        sync,
      ),
      pipeline(
        bind({ statement: "w", values: ["1"] }),
        execute(),
        bind({ statement: "r" }),
        execute(),
        sync,
      ),
      pipeline(bind({ statement: "w", values: ["2"] }), execute(), sync),
      pipeline(bind({ statement: "r" }), execute(), sync),
      "DROP TABLE scratch",
      pipeline(bind({ statement: "r" }), execute(), sync),
    ),
  ],
};
