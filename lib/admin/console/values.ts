import type { ColumnType } from "../columns.ts";
import { SqlError } from "./errors.ts";
import { formatTimestamp, parseTimestamp } from "./time.ts";

/** A value of any type; a timestamptz is a number of milliseconds since 1970. */
export type Value = string | number | boolean | null;

export type Row = readonly Value[];

/** A column of what a statement gives, or of what it reads. */
export interface Column {
  readonly name: string;
  readonly type: ColumnType;
}

/** What is told of a type in a RowDescription. */
interface TypeInfo {
  readonly oid: number;
  readonly size: number;
  /** As error messages call it. */
  readonly name: string;
}

const TYPES: Readonly<Record<ColumnType, TypeInfo>> = {
  bool: { oid: 16, size: 1, name: "boolean" },
  int4: { oid: 23, size: 4, name: "integer" },
  int8: { oid: 20, size: 8, name: "bigint" },
  float8: { oid: 701, size: 8, name: "double precision" },
  text: { oid: 25, size: -1, name: "text" },
  timestamptz: { oid: 1184, size: 8, name: "timestamp with time zone" },
};

/** Types that parameters and casts may be of, by all their names. */
const BY_NAME: Readonly<Record<string, ColumnType>> = {
  bool: "bool",
  boolean: "bool",
  int2: "int4",
  int4: "int4",
  integer: "int4",
  int8: "int8",
  bigint: "int8",
  float4: "float8",
  float8: "float8",
  numeric: "float8",
  text: "text",
  varchar: "text",
  bpchar: "text",
  name: "text",
  timestamptz: "timestamptz",
};

/** Milliseconds from 1970 to 2000, where binary timestamps begin. */
const EPOCH_2000 = Date.UTC(2000, 0, 1);

export function typeInfo(type: ColumnType): TypeInfo {
  return TYPES[type];
}

/** The type of a name as the parser gives it; undefined when it is not known here. */
export function typeNamed(name: string): ColumnType | undefined {
  return Object.hasOwn(BY_NAME, name) ? BY_NAME[name] : undefined;
}

/** Whether values of both types can be compared. */
export function isNumeric(type: ColumnType): boolean {
  return type === "int4" || type === "int8" || type === "float8";
}

/** A value as text, in the time zone of the session. */
export function encodeText(type: ColumnType, value: Value, zone: string): string | null {
  if (value === null) return null;
  if (typeof value === "boolean") return value ? "t" : "f";
  if (type === "timestamptz" && typeof value === "number") return formatTimestamp(value, zone);
  return String(value);
}

/** A value in the binary format of its type. */
export function encodeBinary(type: ColumnType, value: Value): Uint8Array | null {
  if (value === null) return null;
  switch (type) {
    case "text":
      return Buffer.from(String(value));
    case "bool":
      return Uint8Array.of(value === true ? 1 : 0);
    case "int4":
    case "int8":
    case "float8":
    case "timestamptz":
      return encodeNumber(type, Number(value));
  }
}

function encodeNumber(type: "int4" | "int8" | "float8" | "timestamptz", value: number): Buffer {
  const bytes = Buffer.alloc(type === "int4" ? 4 : 8);
  if (type === "int4") bytes.writeInt32BE(value);
  else if (type === "int8") bytes.writeBigInt64BE(BigInt(Math.round(value)));
  else if (type === "float8") bytes.writeDoubleBE(value);
  else bytes.writeBigInt64BE(BigInt(Math.round((value - EPOCH_2000) * 1000)));
  return bytes;
}

/**
 * The value that a text means in a type.
 *
 * @throws {SqlError}
 */
export function parseText(type: ColumnType, text: string, zone: string): Value {
  switch (type) {
    case "text":
      return text;
    case "bool":
      return parseBool(text);
    case "int4":
    case "int8":
      return parseInteger(type, text);
    case "float8":
      return parseFloat8(text);
    case "timestamptz": {
      const time = parseTimestamp(text, zone);
      if (time === undefined) throw invalid(type, text);
      return time;
    }
  }
}

function parseBool(text: string): boolean {
  const word = text.trim().toLowerCase();
  if (word !== "") {
    if (word === "1" || word === "on") return true;
    if (word === "0" || word === "off" || word === "of") return false;
    if ("true".startsWith(word) || "yes".startsWith(word)) return true;
    if ("false".startsWith(word) || "no".startsWith(word)) return false;
  }
  throw invalid("bool", text);
}

function parseInteger(type: "int4" | "int8", text: string): number {
  if (!/^\s*[+-]?\d+\s*$/.test(text)) throw invalid(type, text);
  return toInteger(type, Number(text));
}

/** A whole number within the range of the type. Of int8 only what a number holds exactly. */
function toInteger(type: "int4" | "int8", number: number): number {
  const limit = type === "int4" ? 0x7fffffff : Number.MAX_SAFE_INTEGER;
  if (!(Math.abs(number) <= limit)) throw new SqlError("22003", `${TYPES[type].name} out of range`);
  return Math.round(number);
}

function parseFloat8(text: string): number {
  const word = text.trim();
  const special = /^([+-]?)(inf(?:inity)?|nan)$/i.exec(word);
  if (special !== null) {
    if (special[2]?.toLowerCase() === "nan") return Number.NaN;
    return special[1] === "-" ? -Infinity : Infinity;
  }
  if (!/^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(word)) throw invalid("float8", text);
  return Number(word);
}

function invalid(type: ColumnType, text: string): SqlError {
  const code = type === "timestamptz" ? "22007" : "22P02";
  return new SqlError(code, `invalid input syntax for type ${TYPES[type].name}: "${text}"`);
}

/**
 * A value in another type, as CAST converts it.
 *
 * @throws {SqlError} also when there is no such conversion.
 */
export function cast(value: Value, from: ColumnType, to: ColumnType, zone: string): Value {
  if (value === null || from === to) return value;
  if (to === "text") return from === "bool" ? String(value) : encodeText(from, value, zone);
  if (typeof value === "string") return parseText(to, value, zone);
  if (typeof value === "number" && isNumeric(from)) {
    if (to === "float8") return value;
    if (to === "int4" || to === "int8") return toInteger(to, value);
    if (to === "bool" && from === "int4") return value !== 0;
  }
  if (from === "bool" && to === "int4") return value === true ? 1 : 0;
  throw new SqlError("42846", `cannot cast type ${TYPES[from].name} to ${TYPES[to].name}`);
}
