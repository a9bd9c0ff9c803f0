import { beforeAll, describe, expect, it } from "bun:test";
import {
  classifyTree,
  type RelationName,
  type StatementClass,
  type StatisticsKind,
} from "../../lib/sql/classify.ts";
import { loadParser, parse } from "../../lib/sql/parser.ts";
import { UNPARSABLE } from "../../lib/sql/statement-class.ts";
import { DEFINITIONS, READS, type Row, SESSION, WRITES } from "./statements.ts";

beforeAll(loadParser);

function classify(sql: string): StatementClass {
  const outcome = parse(sql);
  return outcome.ok ? classifyTree(outcome.tree) : UNPARSABLE;
}

function names(list: readonly RelationName[]): string {
  return list.map(({ schema, name }) => schema === undefined ? name : `${schema}.${name}`)
    .sort().join(" ");
}

function marks(found: StatementClass): string {
  return (found.isRead ? "r" : "") + (found.locking ? "l" : "") + (found.writesInWith ? "w" : "") +
    (found.temporary ? "t" : "") + (found.mayCreateTemp ? "c" : "");
}

function sorted(list: string): string {
  return list.split(" ").sort().join(" ");
}

function table(title: string, rows: readonly Row[]): void {
  describe(title, () => {
    for (const [sql, kind, route, relations = "", functions = "", expectedMarks = ""] of rows) {
      it(sql === "" ? "(nothing)" : sql, () => {
        const found = classify(sql);
        expect({
          kind: found.kind,
          route: found.route.slice(0, 1),
          relations: names(found.relations),
          functions: names(found.functions),
          marks: marks(found),
        }).toEqual({
          kind,
          route,
          relations: sorted(relations),
          functions: sorted(functions),
          marks: expectedMarks,
        });
      });
    }
  });
}

table("reads go to any node", READS);
table("writes go to the primary", WRITES);
table("definitions go to the primary", DEFINITIONS);
table("what concerns the session goes to every node", SESSION);

describe("transactions", () => {
  it("tell their modes, and when other nodes get a plain BEGIN", () => {
    expect(classify("BEGIN").transaction).toEqual({ plainBegin: false });
    expect(classify("BEGIN READ ONLY").transaction).toEqual({ readOnly: true, plainBegin: false });
    expect(classify("START TRANSACTION READ WRITE").transaction)
      .toEqual({ readOnly: false, plainBegin: true });
    expect(classify("BEGIN ISOLATION LEVEL SERIALIZABLE, READ ONLY, DEFERRABLE").transaction)
      .toEqual({ readOnly: true, isolation: "serializable", plainBegin: true });
    expect(classify("BEGIN TRANSACTION ISOLATION LEVEL READ COMMITTED").transaction)
      .toEqual({ isolation: "read committed", plainBegin: false });
  });

  it("tell whether another one follows", () => {
    expect(classify("COMMIT AND CHAIN").transaction?.chain).toBe(true);
    expect(classify("ROLLBACK AND NO CHAIN").transaction?.chain).toBe(false);
  });

  it("name their savepoints", () => {
    expect(classify("SAVEPOINT A").transaction?.savepoint).toBe("a");
    expect(classify('ROLLBACK TO "B"').transaction?.savepoint).toBe("B");
  });

  it("take their isolation level from SET, but not from a default", () => {
    expect(classify("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE").transaction?.isolation)
      .toBe("serializable");
    expect(classify("SET transaction_isolation = 'Repeatable Read'").transaction?.isolation)
      .toBe("repeatable read");
    expect(classify("SET default_transaction_isolation = serializable").transaction)
      .toBeUndefined();
  });
});

describe("settings", () => {
  it("tell name, value and how long they last", () => {
    expect(classify("SET Work_Mem TO '1MB'").setting)
      .toEqual({ name: "work_mem", local: false, isReset: false, value: "1MB" });
    expect(classify("SET LOCAL search_path = a, 'B'").setting)
      .toEqual({ name: "search_path", local: true, isReset: false, value: "a, B" });
    expect(classify("SET SESSION x.y = -1.5").setting)
      .toEqual({ name: "x.y", local: false, isReset: false, value: "-1.5" });
    expect(classify("SET work_mem TO DEFAULT").setting)
      .toEqual({ name: "work_mem", local: false, isReset: true });
    expect(classify("RESET ALL").setting).toEqual({ name: "all", local: false, isReset: true });
    expect(classify("RESET TIME ZONE").setting)
      .toEqual({ name: "timezone", local: false, isReset: true });
  });

  it("of a transaction end with it, those of the session name the defaults they set", () => {
    expect(classify("SET TRANSACTION READ ONLY").setting)
      .toEqual({ name: "transaction", local: true, isReset: false });
    expect(
      classify("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY, DEFERRABLE").setting?.name,
    ).toBe("default_transaction_read_only,default_transaction_deferrable");
  });
});

describe("prepared statements and cursors", () => {
  it("tell the statement that is prepared", () => {
    const { prepared } = classify("PREPARE P AS DELETE FROM t");
    expect(prepared?.name).toBe("p");
    expect(prepared?.inner?.kind).toBe("delete");
    expect(classify("EXECUTE p").prepared?.name).toBe("p");
    expect(classify("DEALLOCATE p").prepared?.name).toBe("p");
    expect(classify("DEALLOCATE ALL").prepared?.name).toBeNull();
  });

  it("tell the cursor and whether it outlives the transaction", () => {
    expect(classify("DECLARE c CURSOR FOR TABLE t").cursor).toEqual({ name: "c", hold: false });
    expect(classify("DECLARE c CURSOR WITH HOLD FOR TABLE t").cursor)
      .toEqual({ name: "c", hold: true });
    expect(classify("FETCH c").cursor?.name).toBe("c");
    expect(classify("CLOSE ALL").cursor).toBeUndefined();
  });
});

describe("pg_terminate_backend", () => {
  it("gives the pid when it is a constant", () => {
    expect(classify("SELECT pg_terminate_backend(123)").terminateBackendPid).toBe(123);
    expect(classify("SELECT pg_catalog.pg_terminate_backend(123, 5)").terminateBackendPid).toBe(
      123,
    );
    expect(classify("SELECT pg_terminate_backend(pid) FROM x").terminateBackendPid).toBeUndefined();
    expect(classify("SELECT pg_terminate_backend($1)").terminateBackendPid).toBeUndefined();
  });
});

describe("statistics", () => {
  const expected: readonly (readonly [string, StatisticsKind])[] = [
    ["SELECT 1", "select"],
    ["VALUES (1)", "select"],
    ["WITH a AS (SELECT 1) TABLE a", "select"],
    ["INSERT INTO t VALUES (1)", "insert"],
    ["UPDATE t SET a = 1", "update"],
    ["DELETE FROM t", "delete"],
    ["MERGE INTO t USING s ON true WHEN MATCHED THEN DELETE", "ddl"],
    ["COPY t TO STDOUT", "ddl"],
    ["CALL p()", "ddl"],
    ["CREATE TABLE t ()", "ddl"],
    ["BEGIN", "other"],
    ["SET a.b = 1", "other"],
    ["SHOW work_mem", "other"],
    ["EXPLAIN SELECT 1", "other"],
    ["PREPARE p AS SELECT 1", "other"],
    ["EXECUTE p", "other"],
    ["DEALLOCATE p", "other"],
    ["DISCARD ALL", "other"],
    ["LOCK t", "other"],
    ["LISTEN a", "other"],
    ["VACUUM", "other"],
    ["CHECKPOINT", "other"],
    ["DELETE FROM t; SELECT 1", "delete"],
  ];
  for (const [sql, kind] of expected) {
    it(`counts ${sql} as ${kind}`, () => expect(classify(sql).statisticsKind).toBe(kind));
  }
});

describe("classes", () => {
  it("cannot be changed by who gets them", () => {
    const found = classify("SELECT f() FROM t");
    expect(Object.isFrozen(found)).toBe(true);
    expect(Object.isFrozen(found.relations)).toBe(true);
    expect(Object.isFrozen(found.relations[0])).toBe(true);
    expect(Object.isFrozen(found.functions)).toBe(true);
  });

  it("count the statements of a text", () => {
    expect(classify("").statementCount).toBe(0);
    expect(classify("SELECT 1; ;").statementCount).toBe(1);
    expect(classify("SELECT 1; SELECT ';'; SELECT 3").statementCount).toBe(3);
  });
});
