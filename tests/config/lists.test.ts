import { describe, expect, it } from "bun:test";
import fc from "fast-check";
import { parseObjectRelationships, parseRedirects } from "../../lib/config/lists.ts";
import { formatDouble, formatWithUnit } from "../../lib/config/numbers.ts";
import { compilePattern, matchesPattern } from "../../lib/config/patterns.ts";
import { load } from "./support.ts";

describe("a pattern of a list", () => {
  it.each([
    ["nextval", "NEXTVAL", true],
    ["nextval", "my_nextval", false],
    [".*val", "setval", true],
    ["^f$", "f", true],
    ["public.t", '"public".t', true],
    ["[[:alpha:]_]+[[:digit:]]", "tab_le1", true],
    ["[]x]", "]", true],
    ["[^]x]", "]", false],
    ["[\\]", "\\", true],
    [".*a\nb", "x a\nb", true],
  ])("%p on %p: %p", (pattern, subject, matches) => {
    const compiled = compilePattern(pattern);
    expect(compiled && matchesPattern(compiled, subject)).toBe(matches);
  });

  it("that is none gives undefined, and nothing throws", () => {
    expect(compilePattern("a(")).toBeUndefined();
    fc.assert(fc.property(fc.string(), (text) => {
      compilePattern(text);
    }));
  });
});

describe("a redirect list", () => {
  it("gives pattern, target and ratio of each item", () => {
    const result = parseRedirects("postgres:PRIMARY, my[0-9]+:1(0.5) ,a:b:standby", "dbname");
    if ("wrong" in result) throw new Error(result.wrong);
    expect(result.redirects.map(({ target, ratio }) => [target, ratio])).toEqual([
      ["primary", 1],
      [1, 0.5],
      ["standby", 1],
    ]);
    expect(result.redirects[2]?.pattern.test("A:B")).toBe(true);
  });

  it.each([
    ["postgres", 'wrong redirect db node spec: "postgres"'],
    ["a:master", 'wrong redirect db node spec: "master"'],
    ["a:128", 'wrong redirect db node spec: "128"'],
    ["a:1(2)", 'wrong redirect db node spec: "1(2)"'],
    ["(:1", 'wrong redirect dbname regular expression: "("'],
  ])("refuses %p", (text, wrong) => {
    expect(parseRedirects(text, "dbname")).toEqual({ wrong });
  });
});

describe("the list of related objects", () => {
  it("gives both sides and what is a function", () => {
    expect(parseObjectRelationships("t1:t2, f1():tF,broken")).toEqual([
      { object: "t1", objectIsFunction: false, dependent: "t2", dependentIsFunction: false },
      { object: "f1", objectIsFunction: true, dependent: "tF", dependentIsFunction: false },
    ]);
  });
});

describe("numbers", () => {
  it.each([
    ["1.5kB", 1536],
    ["0.5B", 0],
    ["2.5", 2],
    ["3.5", 4],
    ["'1 GB'", 1024 ** 3],
    ["010", 8],
    ["1e3", 1000],
  ])("%s bytes are %p", (text, value) => {
    expect(
      load(`delay_threshold = ${quoted(text)}`).config
        .values.delay_threshold,
    ).toBe(value);
  });

  it("read back what they are shown as", () => {
    fc.assert(
      fc.property(fc.nat(), (value) => {
        const shown = formatWithUnit(value, "s");
        expect(load(`sr_check_period = ${shown}`).config.values.sr_check_period).toBe(value);
      }),
      { numRuns: 50 },
    );
  });

  it("are printed as C prints them", () => {
    expect([0.1, 100000000, 2.5, 1234567, 0.00001].map(formatDouble)).toEqual([
      "0.1",
      "1e+08",
      "2.5",
      "1.23457e+06",
      "1e-05",
    ]);
  });
});

function quoted(text: string): string {
  return text.startsWith("'") ? text : `'${text}'`;
}
