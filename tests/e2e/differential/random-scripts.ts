import fc from "fast-check";
import {
  bind,
  closePortal,
  closeStatement,
  describePortal,
  describeStatement,
  execute,
  flush,
  parse,
  query,
  sync,
} from "../../support/frontend.ts";
import { describeFrontend } from "./describe-frontend.ts";
import {
  answered,
  type Exchange,
  on,
  type Script,
  script,
  toExchange,
  type Topic,
} from "./script.ts";

/** Every script starts from the same table. */
export const randomTopic: Topic = {
  name: "random",
  setup: "CREATE TABLE r ()",
  scripts: [],
};

/** Says nothing of what it finds: a script that went wrong may have left anything. */
const RESET = `
  SET client_min_messages = warning;
  DROP TABLE IF EXISTS r;
  CREATE TABLE r (a int);
  INSERT INTO r VALUES (1), (2), (3)`;

const READS = [
  "SELECT 1",
  "SELECT a FROM r ORDER BY a",
  "SELECT count(*) FROM r",
  "SELECT g FROM generate_series(1, 4) g",
  "SHOW work_mem",
  "COPY (SELECT a FROM r ORDER BY a) TO STDOUT",
  "FETCH 2 FROM c",
];

const WRITES = [
  "INSERT INTO r VALUES (10)",
  "UPDATE r SET a = a + 100 WHERE a < 100 RETURNING a",
  "DELETE FROM r WHERE a = 10",
  "CREATE TEMP TABLE r (a int)",
  "DROP TABLE r",
  "SELECT a FROM r ORDER BY a LIMIT 1 FOR UPDATE",
];

const CONTROL = [
  "BEGIN",
  "BEGIN READ ONLY",
  "BEGIN ISOLATION LEVEL REPEATABLE READ",
  "COMMIT",
  "ROLLBACK",
  "SAVEPOINT s",
  "ROLLBACK TO s",
  "RELEASE s",
  "SET work_mem = '5MB'",
  "SET LOCAL work_mem = '6MB'",
  "RESET work_mem",
  "PREPARE q AS SELECT a FROM r ORDER BY a",
  "EXECUTE q",
  "DEALLOCATE q",
  "DEALLOCATE ALL",
  "DECLARE c CURSOR FOR SELECT a FROM r ORDER BY a",
  "DECLARE c CURSOR WITH HOLD FOR SELECT a FROM r ORDER BY a",
  "CLOSE c",
];

const FAILURES = ["SELECT 1 / 0", "SELEC", "SELECT * FROM nothing", ""];

/** With a parameter, for messages only. */
const PARAMETERS = [
  "SELECT $1::int",
  "INSERT INTO r VALUES ($1) RETURNING a",
  "SELECT a FROM r WHERE a < $1 ORDER BY a",
];

const SEVERAL = [
  "SELECT 1; SELECT a FROM r ORDER BY a",
  "INSERT INTO r VALUES (20); SELECT count(*) FROM r",
  "BEGIN; INSERT INTO r VALUES (30)",
  "SELECT 1; SELECT 1 / 0",
];

const plain = fc.oneof(
  { arbitrary: fc.constantFrom(...READS), weight: 5 },
  { arbitrary: fc.constantFrom(...WRITES), weight: 3 },
  { arbitrary: fc.constantFrom(...CONTROL), weight: 5 },
  { arbitrary: fc.constantFrom(...FAILURES), weight: 1 },
);

const simple = fc.oneof(
  { arbitrary: plain, weight: 6 },
  { arbitrary: fc.constantFrom(...SEVERAL), weight: 1 },
).map(query);

const statementName = fc.constantFrom("", "s1", "s2");
const portalName = fc.constantFrom("", "", "p1");
const prepared = fc.oneof(
  { arbitrary: plain, weight: 4 },
  { arbitrary: fc.constantFrom(...PARAMETERS), weight: 2 },
);

/** Parse, Bind and Execute that fit each other, as drivers send them. */
const orderly = fc.tuple(plain, statementName, portalName, fc.constantFrom(0, 0, 2)).map(
  ([sql, statement, portal, maxRows]) => [
    ...(statement === "" ? [] : [closeStatement(statement)]),
    parse(sql, statement),
    bind({ statement, portal }),
    describePortal(portal),
    execute(portal, maxRows),
  ],
);

const withParameter = fc.tuple(fc.constantFrom(...PARAMETERS), statementName, fc.nat(9)).map(
  ([sql, statement, value]) => [
    ...(statement === "" ? [] : [closeStatement(statement)]),
    parse(sql, statement),
    describeStatement(statement),
    bind({ statement, values: [String(value)] }),
    execute(),
  ],
);

/** Any message, whether it makes sense or not. */
const single = fc.oneof(
  fc.tuple(prepared, statementName).map(([sql, name]) => parse(sql, name)),
  fc.tuple(portalName, statementName, fc.constantFrom([], ["7"])).map(
    ([portal, statement, values]) => bind({ portal, statement, values }),
  ),
  statementName.map(describeStatement),
  portalName.map(describePortal),
  fc.tuple(portalName, fc.constantFrom(0, 1, 2)).map(([name, rows]) => execute(name, rows)),
  statementName.map(closeStatement),
  portalName.map(closePortal),
  fc.constant(flush),
  fc.constant(sync),
  simple,
).map((message) => [message]);

const group = fc.oneof(
  { arbitrary: orderly, weight: 4 },
  { arbitrary: withParameter, weight: 2 },
  { arbitrary: single, weight: 4 },
);

/** Several statements up to one Sync. */
const pipelined = fc.array(group, { minLength: 1, maxLength: 6 })
  .map((groups) => answered(...groups.flat(), sync));

/** Several statements at once, each with its Sync. */
const separate = fc.array(group, { minLength: 1, maxLength: 6 })
  .map((groups) => answered(...groups.flatMap((messages) => [...messages, sync])));

const simpleExchange = fc.array(simple, { minLength: 1, maxLength: 3 })
  .map((messages) => answered(...messages));

/** A session of simple queries and pipelines, well-behaved and otherwise. */
export const randomScript = sessionOf(simpleExchange, pipelined, separate);

/**
 * The same with one statement a Sync. Statements up to a Sync are a transaction, and one that
 * touches two servers can be told from one that does not: by the names of its portals, by statements
 * that refuse transactions, by what SET LOCAL warns of.
 */
export const randomScriptForTwoServers = sessionOf(simpleExchange, separate);

function sessionOf(...exchanges: readonly fc.Arbitrary<Exchange>[]): fc.Arbitrary<Script> {
  return fc.array(fc.oneof(...exchanges), { minLength: 1, maxLength: 10 })
    .map((steps) => named(script("a random session", on("reset", RESET), ...steps)));
}

/** As fast-check reports it: what is sent, a line a write. */
function named(of: Script): Script {
  const text = of.steps.map((step) => toExchange(step).send.map(describeFrontend).join(" | "));
  return Object.assign(of, { [fc.toStringMethod]: () => `\n${text.join("\n")}\n` });
}
