import { describe, expect, it } from "bun:test";
import fc from "fast-check";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseFile, quoteValue } from "../../lib/config/grammar.ts";
import { loadConfig } from "../../lib/config/load.ts";
import { parameterNames } from "../../lib/config/parameters.ts";
import { ConfigError } from "../../lib/config/problems.ts";
import { withFiles } from "./support.ts";

function values(text: string): [string, string][] {
  return parseFile("f", text).assignments.map(({ name, value }) => [name, value]);
}

describe("a configuration file", () => {
  it.each([
    ["port = 9999", "9999"],
    ["port=9999 # comment", "9999"],
    ["port 9999", "9999"],
    ["\tport = '9999'\r", "9999"],
    ["port = 0x10", "0x10"],
    ["port = 64MB", "64MB"],
    ["port = -1", "-1"],
    ["port = 1.5", "1.5"],
    ["port = 1e3", "1e3"],
    ["port = debug5", "debug5"],
    ["port = a/b:c-d.e", "a/b:c-d.e"],
    ["port = ''", ""],
    ["port = 'a # b'", "a # b"],
    ["port = 'it\\'s'", "it\\'s"],
    ["port = 'a\\;b;c'", "a\\;b;c"],
    ["port = 'C:\\'", "C:\\"],
    ["port = '\u00e4'", "\u00e4"],
  ])("reads %p", (line, value) => {
    expect(parseFile("f", line).problems).toEqual([]);
    expect(values(line)).toEqual([["port", value]]);
  });

  it("skips blank lines and comments, and a byte order mark", () => {
    expect(values("\ufeff# x = 1\n\n   \n#y\nport = 1")).toEqual([["port", "1"]]);
  });

  it("takes several assignments on one line, as Pgpool-II does", () => {
    expect(values("port = 1 pcp_port = 2")).toEqual([["port", "1"], ["pcp_port", "2"]]);
  });

  it("says that a unit apart from its number is ignored", () => {
    const parsed = parseFile("f", "log_rotation_size = 64 MB");
    expect(parsed.assignments).toEqual([{ name: "log_rotation_size", value: "64", line: 1 }]);
    expect(parsed.problems[0]?.message).toBe(
      '"MB" after the value of "log_rotation_size" is ignored',
    );
  });

  it.each([
    ["= 1", "parse error at line 2 '=' token = 6"],
    ["port =", "parse error at line 2 '' token = 7"],
    ["port", "parse error at line 2 '' token = 7"],
    ["port = 'x", "parse error at line 2 ''' token = 8"],
    ["port = *", "parse error at line 2 '*' token = 8"],
    ["port = = 1", "parse error at line 2 '=' token = 6"],
    ["port = 'a''b'", "parse error at line 2 ''b'' token = 4"],
    ["1 = port", "parse error at line 2 '1' token = 2"],
  ])("reports what is wrong with %p and where, and reads on", (line, detail) => {
    const parsed = parseFile("/etc/f", `a = 1\n${line}\nb = 2`);
    expect(parsed.problems).toHaveLength(1);
    expect(parsed.problems[0]).toMatchObject({
      severity: "error",
      file: "/etc/f",
      line: 2,
      message: 'syntax error in configuration file "/etc/f"',
      detail,
    });
    expect(parsed.problems[0]?.hint).toBeString();
    expect(parsed.assignments.at(-1)).toEqual({ name: "b", value: "2", line: 3 });
  });

  it("does not repeat a password in a syntax error", () => {
    const [problem] = parseFile("f", "sr_check_password = 'it''secret'").problems;
    expect(JSON.stringify(problem)).not.toContain("secret");
  });

  it("gives back any quoted text unchanged", () => {
    const text = fc.string({ unit: "grapheme" }).filter((each) => !/['\n]|\\$/.test(each));
    fc.assert(fc.property(text, (value) => {
      expect(values(`x = ${quoteValue(value)} # it is`)).toEqual([["x", value]]);
    }));
  });

  it("never fails but with a ConfigError, whatever it contains", () => {
    const name = fc.constantFrom(...parameterNames, "backend_port0", "wd_port300", "nonsense");
    const value = fc.oneof(
      fc.string(),
      fc.integer().map(String),
      fc.double().map(String),
      fc.constantFrom("'on'", "1GB", "'[a'", "'${env:X}'", "'a:b:c(2)'", "0777", "99999999999999"),
    );
    const line = fc.oneof(
      fc.string(),
      fc.tuple(name, fc.constantFrom(" = ", " "), value).map((parts) => parts.join("")),
    );
    withFiles({}, (directory) => {
      const path = join(directory, "pgpool.conf");
      fc.assert(
        fc.property(fc.array(line, { maxLength: 8 }), (lines) => {
          const text = lines.filter((each) => !each.includes("include")).join("\n");
          writeFileSync(path, text);
          try {
            loadConfig(path, { environment: {} });
          } catch (error) {
            expect(error).toBeInstanceOf(ConfigError);
          }
        }),
        { numRuns: 300 },
      );
    });
  });
});
