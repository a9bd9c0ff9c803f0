import { describe, expect, it } from "bun:test";
import fc from "fast-check";
import type { ColumnType } from "../../../lib/admin/columns.ts";
import { compareValues, matchesLike } from "../../../lib/admin/console/condition.ts";
import { ParameterTypes } from "../../../lib/admin/console/parameters.ts";
import { formatTimestamp, isZone, parseTimestamp } from "../../../lib/admin/console/time.ts";
import {
  cast,
  encodeBinary,
  encodeText,
  parseText,
  typeInfo,
  type Value,
} from "../../../lib/admin/console/values.ts";

const ZONES = ["UTC", "Europe/Berlin", "Asia/Kolkata", "America/St_Johns", "Pacific/Auckland"];

const integer = (limit: number) => fc.integer({ min: -limit, max: limit });
const time = fc.integer({ min: Date.UTC(1990, 0), max: Date.UTC(2090, 0) });

const OF_TYPE: Readonly<Record<ColumnType, fc.Arbitrary<Value>>> = {
  bool: fc.boolean(),
  int4: integer(0x7fffffff),
  int8: integer(Number.MAX_SAFE_INTEGER),
  float8: fc.double(),
  text: fc.string({ unit: "binary" }).filter((text) => !text.includes("\0")),
  timestamptz: time,
};

const typed = fc.constantFrom<ColumnType>("bool", "int4", "int8", "float8", "text", "timestamptz")
  .chain((type) => OF_TYPE[type].map((value) => ({ type, value })));

describe("values", () => {
  it("come back from their binary format and from their text as they were", () => {
    fc.assert(fc.property(typed, fc.constantFrom(...ZONES), ({ type, value }, zone) => {
      const parameters = new ParameterTypes([typeInfo(type).oid]);
      const binary = encodeBinary(type, value);
      const back = parameters.decode([Buffer.from(binary ?? [])], [1], zone)[0] ?? null;
      expect(compareValues(back, value)).toBe(0);
      const text = encodeText(type, value, zone) ?? "";
      // The hour that comes twice in autumn has its offset behind it.
      expect(compareValues(parseText(type, text, zone), value)).toBe(0);
    }));
  });

  it("of types without a zone are of the session's", () => {
    const [timestamp, date] = [Buffer.alloc(8), Buffer.alloc(4)];
    timestamp.writeBigInt64BE(753_315_200_000_000n);
    date.writeInt32BE(8718);
    const decode = (oid: number, bytes: Buffer, format: number) =>
      new ParameterTypes([oid]).decode([bytes], [format], "Asia/Kolkata")[0];
    const time = Date.UTC(2023, 10, 14, 16, 43, 20);
    expect(decode(1114, timestamp, 1)).toBe(time);
    expect(decode(1114, Buffer.from("2023-11-14 22:13:20"), 0)).toBe(time);
    expect(decode(1082, date, 1)).toBe(Date.UTC(2023, 10, 13, 18, 30));
    expect(decode(1082, Buffer.from("2023-11-14"), 0)).toBe(Date.UTC(2023, 10, 13, 18, 30));
  });

  it("take the words that PostgreSQL takes for a boolean", () => {
    for (const yes of ["t", "TRUE", " yes", "on", "1", "y"]) {
      expect(parseText("bool", yes, "UTC")).toBe(true);
    }
    for (const no of ["f", "False", "n", "off", "0"]) {
      expect(parseText("bool", no, "UTC")).toBe(false);
    }
    for (const other of ["", "o", "2", "truely"]) {
      expect(() => parseText("bool", other, "UTC")).toThrow("invalid input syntax");
    }
  });

  it("are cast where PostgreSQL casts them", () => {
    expect(cast(true, "bool", "text", "UTC")).toBe("true");
    expect(cast(1.6, "float8", "int4", "UTC")).toBe(2);
    expect(cast("12", "text", "int8", "UTC")).toBe(12);
    expect(cast(0, "int4", "bool", "UTC")).toBe(false);
    expect(cast(null, "int4", "bool", "UTC")).toBeNull();
    expect(() => cast(3e9, "int8", "int4", "UTC")).toThrow("integer out of range");
    expect(() => cast(true, "bool", "timestamptz", "UTC")).toThrow(
      "cannot cast type boolean to timestamp with time zone",
    );
  });

  it("print infinity and fractions as PostgreSQL does", () => {
    expect([0.5, Infinity, -Infinity, Number.NaN].map((each) => encodeText("float8", each, "UTC")))
      .toEqual(["0.5", "Infinity", "-Infinity", "NaN"]);
    expect(["-inf", "NaN", ".5", "1e3"].map((each) => parseText("float8", each, "UTC")))
      .toEqual([-Infinity, Number.NaN, 0.5, 1000]);
  });
});

describe("times", () => {
  it("are printed with the offset of the zone at that time", () => {
    const summer = Date.UTC(2026, 6, 1, 12);
    expect(formatTimestamp(summer, "Europe/Berlin")).toBe("2026-07-01 14:00:00+02");
    expect(formatTimestamp(summer + 1250, "America/St_Johns")).toBe("2026-07-01 09:30:01.25-02:30");
  });

  it("without an offset are the zone's", () => {
    fc.assert(fc.property(time, fc.constantFrom(...ZONES), (value, zone) => {
      const text = formatTimestamp(value, zone);
      const again = parseTimestamp(text.slice(0, 10) + "T12:00:00", zone) ?? 0;
      expect(formatTimestamp(again, zone).slice(0, 19)).toBe(text.slice(0, 10) + " 12:00:00");
    }));
  });

  it("that are none are refused", () => {
    for (const text of ["", "today", "2026-02-30", "2026-13-01", "2026-01-01 24:00", "2026-1-1"]) {
      expect(parseTimestamp(text, "UTC")).toBeUndefined();
    }
    expect([isZone("Europe/Berlin"), isZone("Nowhere")]).toEqual([true, false]);
  });
});

describe("LIKE", () => {
  const letters = fc.string({ unit: fc.constantFrom("a", "b", "%", "_", "\\", ".") });

  it("fits what a regular expression of the same meaning fits", () => {
    fc.assert(fc.property(letters, letters, (text, pattern) => {
      if (/(?:^|[^\\])(?:\\\\)*\\$/.test(pattern)) {
        return expect(() => matchesLike(text, pattern)).toThrow("must not end with escape");
      }
      const expression = pattern.replaceAll(
        /\\?[^]/g,
        (part) => part === "%" ? ".*" : part === "_" ? "." : `\\u{${code(part)}}`,
      );
      expect(matchesLike(text, pattern)).toBe(new RegExp(`^${expression}$`, "su").test(text));
    }));
  });

  it("takes no long time for any pattern", () => {
    const began = performance.now();
    expect(matchesLike("a".repeat(20_000), "%a%a%a%a%a%a%b")).toBe(false);
    expect(performance.now() - began).toBeLessThan(2000);
  });
});

function code(part: string): string {
  return (part.codePointAt(part.length - 1) ?? 0).toString(16);
}
