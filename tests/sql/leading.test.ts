import { describe, expect, it } from "bun:test";
import { firstKeyword, leadsRead } from "../../lib/sql/leading.ts";

const encoder = new TextEncoder();
const PLAIN = { ignore_leading_white_space: true, allow_sql_comments: false };

function leads(sql: string, settings = PLAIN): boolean {
  const bytes = encoder.encode(sql);
  return leadsRead(bytes, 0, bytes.length, settings);
}

describe("a text that leads a read", () => {
  for (
    const sql of [
      "SELECT 1",
      "select",
      "SHOW x",
      "WITH a",
      "table t",
      "(SELECT 1)",
      "",
      ";",
      "  \n",
    ]
  ) {
    it(`is ${JSON.stringify(sql)}`, () => expect(leads(sql)).toBe(true));
  }
  for (const sql of ["  \t\r\nSELECT 1", "COPY t TO STDOUT", "/* c */ COPY t TO STDOUT"]) {
    it(`is ${JSON.stringify(sql)}`, () => expect(leads(sql)).toBe(true));
  }
  for (
    const sql of ["VALUES (1)", "/*NO LOAD BALANCE*/ SELECT 1", "-- c\nSELECT 1", "EXPLAIN SELECT"]
  ) {
    it(`is not ${JSON.stringify(sql)}`, () => expect(leads(sql)).toBe(false));
  }

  it("may have white space before it only when that is ignored", () => {
    expect(leads(" SELECT 1", { ...PLAIN, ignore_leading_white_space: false })).toBe(false);
    expect(leads("SELECT 1", { ...PLAIN, ignore_leading_white_space: false })).toBe(true);
  });

  it("may have comments before it when they are allowed, and white space too", () => {
    const settings = { ignore_leading_white_space: false, allow_sql_comments: true };
    for (const sql of ["/* c */ SELECT 1", "-- c\nSELECT 1", " SELECT 1", "VALUES (1)"]) {
      expect(leads(sql, settings)).toBe(true);
    }
  });
});

describe("the first key word", () => {
  const expected: readonly (readonly [string, string])[] = [
    ["SELECT 1", "select"],
    [" /* a /* b */ */ -- c\n Insert INTO", "insert"],
    ["((table t))", "table"],
    ["/* open", ""],
    ["-- open", ""],
    ["1", ""],
    ["", ""],
  ];
  for (const [sql, word] of expected) {
    it(`of ${JSON.stringify(sql)} is "${word}"`, () => {
      const bytes = encoder.encode(sql);
      expect(firstKeyword(bytes, 0, bytes.length)).toBe(word);
    });
  }

  it("is not looked for beyond the text", () => {
    const bytes = encoder.encode("  SELECT");
    expect(firstKeyword(bytes, 0, 4)).toBe("se");
  });
});
