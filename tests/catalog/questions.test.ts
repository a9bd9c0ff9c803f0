import { describe, expect, it } from "bun:test";
import fc from "fast-check";
import { functionKey, quoteLiteral, relationKey } from "../../lib/catalog/names.ts";
import {
  CatalogAnswerError,
  catalogQuestion,
  isShareable,
  readCatalogAnswer,
} from "../../lib/catalog/questions.ts";

/** Reads a string constant as PostgreSQL does with standard_conforming_strings on or off. */
function readLiteral(literal: string, conforming: boolean): string | null {
  const match = /^ ?(E?)'([\s\S]*)'$/.exec(literal);
  if (match === null) return null;
  const escapes = match[1] === "E" || !conforming;
  const body = match[2] ?? "";
  let text = "";
  for (let i = 0; i < body.length; i++) {
    if (body[i] === "'" && body[++i] !== "'") return null;
    if (body[i] === "\\" && escapes && body[++i] !== "\\") return null;
    text += body[i];
  }
  return text;
}

describe("quoteLiteral", () => {
  it("keeps any text whatever standard_conforming_strings is", () => {
    fc.assert(fc.property(fc.string(), fc.boolean(), (text, conforming) => {
      expect(readLiteral(quoteLiteral(text), conforming)).toBe(text);
    }));
    expect(quoteLiteral("a'b\\c")).toBe(" E'a''b\\\\c'");
  });
});

describe("catalogQuestion", () => {
  it("asks nothing when there are no names", () => {
    expect(catalogQuestion({ relations: [], functions: [] })).toBeNull();
  });

  it("uses no operator of the session's search_path", () => {
    const question = catalogQuestion({
      relations: [{ schema: "s", name: "t" }],
      functions: [{ schema: "", name: "f" }],
    }) ?? "";
    const bare = question.replaceAll("OPERATOR(pg_catalog.=)", "").replaceAll(/'[^']*'/g, "");
    expect(bare).not.toMatch(/[=~<>]|\bIN\b|\bLIKE\b|CASE [a-z]/);
  });
});

describe("readCatalogAnswer", () => {
  const names = {
    relations: [{ schema: "", name: "a" }, { schema: "", name: "b" }],
    functions: [{ schema: "", name: "f" }, { schema: "", name: "g" }],
  };

  it("puts every answer to its name and says what is missing", () => {
    const facts = readCatalogAnswer(names, [
      ["r", "1", "pg_catalog", "r", "p", "f", "f"],
      ["f", "0", null, null, null, "f", "t"],
    ]);
    expect(facts.relations[0]?.exists).toBe(false);
    expect(facts.relations[1]).toEqual({
      exists: true,
      namespace: "pg_catalog",
      relkind: "r",
      relpersistence: "p",
      isSystemCatalog: true,
      viewReachesSystemCatalog: false,
    });
    expect(facts.functions).toEqual([
      { exists: true, isVolatile: true },
      { exists: false, isVolatile: false },
    ]);
  });

  it("refuses rows that do not belong to the question", () => {
    const foreign = [["r", "7", "s", "r", "p", "f", "f"], ["x", "0", "", "", "", "", ""], [
      "r",
      "0",
    ]];
    for (const row of foreign) {
      expect(() => readCatalogAnswer(names, [row])).toThrow(CatalogAnswerError);
    }
  });

  it("lets sessions share neither temporary nor missing tables", () => {
    const [missing, temporary] = readCatalogAnswer(names, [
      ["r", "1", "pg_temp_3", "r", "t", "f", "f"],
    ]).relations;
    if (missing === undefined || temporary === undefined) throw new Error("no answer");
    expect([isShareable(missing), isShareable(temporary)]).toEqual([false, false]);
    expect(isShareable({ ...temporary, relpersistence: "u" })).toBe(true);
  });
});

describe("keys", () => {
  const scope = { database: "d", user: "u", searchPath: "public" };

  it("tell names without a schema apart by user and search_path", () => {
    const name = { schema: "", name: "t" };
    const keys = [scope, { ...scope, user: "v" }, { ...scope, searchPath: "x" }, {
      ...scope,
      database: "e",
    }].map((each) => relationKey(each, name));
    expect(new Set(keys).size).toBe(4);
  });

  it("share names with a schema between users", () => {
    const name = { schema: "s", name: "t" };
    expect(relationKey(scope, name)).toBe(relationKey({ ...scope, user: "v" }, name));
    expect(functionKey(scope, name)).not.toBe(relationKey(scope, name));
  });
});
