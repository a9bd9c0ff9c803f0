import { describe, expect, it } from "bun:test";
import reference from "../data/parameters.json" with { type: "json" };
import { findParameter, parameterNames, showGroups } from "../../lib/config/parameters.ts";
import type { Parameter } from "../../lib/config/parameters.ts";
import { formatValue } from "../../lib/config/show.ts";

interface Expected {
  readonly name: string;
  readonly type: string;
  readonly group: string;
  readonly default?: boolean | number | string | null;
  readonly default_as_shown: string;
  readonly default_sample: string | null;
  readonly in_sample: boolean;
  readonly min: number | null;
  readonly max: number | null;
  readonly unit: string | null;
  readonly indexed: { per: string; max_elements: number; bare_name_allowed: boolean } | null;
  readonly context: string;
  readonly doc_context_differs?: string;
  readonly enum_values?: readonly string[];
  readonly enum_aliases?: Readonly<Record<string, string>>;
  readonly enum_hidden_aliases?: readonly string[];
  readonly separator?: string;
  readonly items_are_regex?: boolean;
  readonly value_hidden_in_show?: boolean;
  readonly hidden_in_show_all?: boolean;
  readonly deprecated?: { replaced_by: string; renamed_in: string; warning: string | null };
  readonly since?: string;
}

const expected: readonly Expected[] = [...reference.parameters, ...reference.added_in_master];
const changedLater = new Map(
  reference.changed_in_master.map((each) => [each.name, each.changes]),
);

function entry(name: string): Parameter {
  const parameter = findParameter(name);
  if (!parameter) throw new Error(`${name} is missing`);
  return parameter;
}

describe("the table of parameters", () => {
  it("has every name of Pgpool-II in its order, and then our own", () => {
    const own = parameterNames.filter((name) => entry(name).own);
    expect(parameterNames).toEqual([...expected.map(({ name }) => name), ...own]);
    expect(own).toContain("worker_processes");
  });

  it("groups parameters for PGPOOL SHOW as Pgpool-II does", () => {
    expect<Record<string, readonly string[]>>(showGroups).toEqual(reference.show_groups);
  });

  it("describes each parameter in one line that does not confuse scripts", () => {
    for (const name of parameterNames) {
      expect(entry(name).help).toMatch(/^[^\n]{10,}$/);
      // pgpool_setup counts the lines of SHOW POOL_STATUS with this text (contracts.md 4.0).
      expect(entry(name).help).not.toContain("backend_data");
    }
  });
});

describe.each(expected.map((each) => [each.name, each] as const))("%s", (name, reference) => {
  const parameter = entry(name);

  it("has Pgpool-II's type, group and context", () => {
    const changes = changedLater.get(name);
    const later = changes && "context" in changes ? changes.context?.["4.8devel"] : undefined;
    expect<string>(parameter.type).toBe(reference.type);
    expect<string>(parameter.group).toBe(reference.group);
    expect<string>(parameter.context).toBe(later ?? reference.context);
    expect(parameter.readOnce ?? false).toBe(reference.doc_context_differs === "startup");
    expect(parameter.since).toBe(reference.since);
  });

  it("has Pgpool-II's default", () => {
    expect(formatValue(parameter, parameter.default)).toBe(reference.default_as_shown);
    if (parameter.type !== "string-list") {
      expect(parameter.default).toBe(reference.default ?? "");
    }
    expect(parameter.sample ?? null).toBe(reference.default_sample);
    expect(parameter.unlisted ?? false).toBe(!reference.in_sample);
  });

  it("has Pgpool-II's range and unit", () => {
    const numeric = parameter.type === "int" || parameter.type === "double";
    expect(numeric ? parameter.min : null).toBe(reference.min);
    expect(numeric ? parameter.max : null).toBe(reference.max);
    const unit = parameter.type === "int" ? parameter.unit : undefined;
    expect<string | undefined>(unit).toBe(reference.unit ?? undefined);
  });

  it("has Pgpool-II's index", () => {
    const { indexed } = parameter;
    expect<unknown>(
      indexed
        ? {
          per: indexed.per,
          max_elements: indexed.maxElements,
          bare_name_allowed: indexed.bare,
        }
        : null,
    ).toEqual(reference.indexed);
  });

  it("has Pgpool-II's values", () => {
    if (parameter.type === "enum") {
      const changes = changedLater.get(name);
      const later = changes && "enum_values" in changes
        ? changes.enum_values?.["4.8devel"]
        : undefined;
      const names = [...parameter.values, ...Object.keys(parameter.aliases ?? {})];
      expect(names.sort()).toEqual([...(later ?? reference.enum_values ?? [])].sort());
      expect(parameter.aliases ?? {}).toEqual(reference.enum_aliases ?? {});
      expect(parameter.hiddenAliases ?? []).toEqual(reference.enum_hidden_aliases ?? []);
    }
    if (parameter.type === "string-list") {
      expect<string>(parameter.separator).toBe(reference.separator ?? "");
      expect(parameter.regex ?? false).toBe(reference.items_are_regex ?? false);
    }
  });

  it("is hidden where Pgpool-II hides it", () => {
    // We hide the watchdog's key too: any client could read it otherwise.
    const hidden = name === "wd_authkey" || (reference.value_hidden_in_show ?? false);
    expect(parameter.hidden ?? false).toBe(hidden);
    expect(parameter.deprecated?.replacedBy).toBe(reference.deprecated?.replaced_by);
    expect(parameter.deprecated?.since).toBe(reference.deprecated?.renamed_in);
    expect(parameter.deprecated?.forwards ?? false).toBe(reference.hidden_in_show_all ?? false);
  });
});
