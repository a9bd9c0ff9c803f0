import { describe, expect, it } from "bun:test";
import { type Extension, extensionFiles, plainSql } from "../../lib/extensions/extension.ts";
import { EXTENSIONS } from "../../lib/extensions/registry.ts";

const sample: Extension = {
  name: "sample",
  version: "1.2",
  comment: "somebody's sample",
  requires: ["dblink"],
  script: "CREATE FUNCTION one() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$;\n",
};

describe("the files of an extension", () => {
  it("are what CREATE EXTENSION looks for", () => {
    expect(extensionFiles(sample)).toEqual([
      {
        name: "sample.control",
        text: "comment = 'somebody''s sample'\ndefault_version = '1.2'\nrelocatable = false\n" +
          "requires = 'dblink'\n",
      },
      {
        name: "sample--1.2.sql",
        text: '\\echo Use "CREATE EXTENSION sample" to load this file. \\quit\n\n' + sample.script,
      },
    ]);
  });
});

describe("an extension as plain SQL", () => {
  it("replaces its functions in a schema of any name, all or none", () => {
    const text = plainSql(sample, "a'b");
    expect(text).toStartWith("BEGIN;\n");
    expect(text).toContain("quote_ident('a''b')::regnamespace");
    expect(text).toContain("\nCREATE OR REPLACE FUNCTION one() RETURNS int");
    expect(text).not.toMatch(/^CREATE FUNCTION/m);
    expect(text).toEndWith("\nCOMMIT;\n");
  });
});

describe("the extensions of this binary", () => {
  it("have names in order, and functions that can be replaced", () => {
    const names = EXTENSIONS.map(({ name }) => name);
    expect(names).toEqual(names.toSorted());
    expect(names).toContain("pgpool_adm");
    for (const { script } of EXTENSIONS) expect(script).toMatch(/^CREATE FUNCTION /m);
  });
});
