import type { DoubleParameter, IntParameter, Unit } from "./parameters.ts";
import { INT_MAX, LONG_MAX } from "./parameters/types.ts";
import { InvalidValueError } from "./problems.ts";

const memoryUnits = new Map([
  ["B", 1],
  ["kB", 1024],
  ["MB", 1024 ** 2],
  ["GB", 1024 ** 3],
  ["TB", 1024 ** 4],
]);

/** In microseconds. */
const timeUnits = new Map([
  ["us", 1],
  ["ms", 1000],
  ["s", 1_000_000],
  ["min", 60_000_000],
  ["h", 3_600_000_000],
  ["d", 86_400_000_000],
]);

const number = /^\s*([+-]?)(0[xX][0-9a-fA-F]+|\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)/;

/**
 * Reads the text of an integer parameter: C syntax (leading 0 octal, 0x hexadecimal), or a
 * fraction or exponent, and a unit when the parameter has one; gives the number in the
 * parameter's unit. Throws InvalidValueError with Pgpool-II's texts (parameters.md 1).
 */
export function parseInteger(name: string, parameter: IntParameter, text: string): number {
  const { value, unit } = splitNumber(name, text);
  const converted = convert(name, parameter.unit, value, unit, text);
  const rounded = roundHalfEven(converted);
  const limit = parameter.max > INT_MAX ? LONG_MAX : INT_MAX;
  if (rounded > limit || rounded < -limit - 1) {
    throw new InvalidValueError(invalid(name, text), { hint: "Value exceeds allowed range." });
  }
  checkRange(name, parameter, rounded, formatInteger);
  return rounded;
}

/** Reads the text of a floating point parameter; units are refused. */
export function parseDouble(name: string, parameter: DoubleParameter, text: string): number {
  const { value, unit } = splitNumber(name, text);
  if (unit !== "") throw new InvalidValueError(invalid(name, text));
  checkRange(name, parameter, value, formatDouble);
  return value;
}

/**
 * A number in the largest unit that divides it without remainder: `5min`, `64MB`; without a
 * unit when it is 0 or the parameter has none (sql-interface.md 7).
 */
export function formatWithUnit(value: number, base: Unit | undefined): string {
  if (value === 0 || base === undefined) return formatInteger(value);
  const units = unitsOf(base);
  const absolute = value * (units.get(base) ?? 1);
  let best = base as string;
  for (const [unit, size] of units) {
    if (size >= (units.get(base) ?? 1) && absolute % size === 0) best = unit;
  }
  return formatInteger(absolute / (units.get(best) ?? 1)) + best;
}

/** An integer in full, also the largest of 64 bits. */
export function formatInteger(value: number): string {
  return value >= LONG_MAX ? "9223372036854775807" : BigInt(Math.trunc(value)).toString();
}

/** A floating point number as C's `%g` prints it. */
export function formatDouble(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return String(value);
  const exponent = Number(value.toExponential(5).split("e")[1]);
  if (exponent >= -4 && exponent < 6) return String(Number(value.toPrecision(6)));
  const [mantissa = "", power = ""] = value.toExponential(5).split("e");
  const digits = power.replace(/^[+-]/, "").padStart(2, "0");
  return `${Number(mantissa)}e${power.startsWith("-") ? "-" : "+"}${digits}`;
}

function splitNumber(name: string, text: string): { value: number; unit: string } {
  const match = number.exec(text);
  if (!match) throw new InvalidValueError(invalid(name, text));
  const [all, sign = "", digits = ""] = match;
  const octal = /^0\d+$/.test(digits);
  if (octal && /[89]/.test(digits)) throw new InvalidValueError(invalid(name, text));
  const magnitude = octal ? Number.parseInt(digits, 8) : Number(digits);
  const unit = text.slice(all.length).trim();
  return { value: sign === "-" ? -magnitude : magnitude, unit };
}

function convert(
  name: string,
  base: Unit | undefined,
  value: number,
  unit: string,
  text: string,
): number {
  if (unit === "") return value;
  if (base === undefined) throw new InvalidValueError(invalid(name, text));
  const units = unitsOf(base);
  const size = units.get(unit);
  if (size === undefined) {
    const names = [...units.keys()].map((each) => `"${each}"`);
    const last = names.pop();
    const hint = `Valid units for this parameter are ${names.join(", ")}, and ${last}.`;
    throw new InvalidValueError(invalid(name, text), { hint });
  }
  const baseSize = units.get(base) ?? 1;
  const converted = value * size / baseSize;
  const smaller = nextSmaller(units, size);
  if (smaller === undefined) return converted;
  // 30.1GB is meant as a whole number of megabytes, not as whatever 0.1 is in binary.
  return roundHalfEven(value * size / smaller) * smaller / baseSize;
}

function unitsOf(base: Unit): ReadonlyMap<string, number> {
  return memoryUnits.has(base) ? memoryUnits : timeUnits;
}

function nextSmaller(units: ReadonlyMap<string, number>, size: number): number | undefined {
  return [...units.values()].filter((each) => each < size).pop();
}

function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const fraction = value - floor;
  if (fraction !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

function checkRange(
  name: string,
  parameter: IntParameter | DoubleParameter,
  value: number,
  format: (value: number) => string,
): void {
  if (value >= parameter.min && value <= parameter.max) return;
  throw new InvalidValueError(
    `${format(value)} is outside the valid range for parameter "${name}" ` +
      `(${format(parameter.min)} .. ${format(parameter.max)})`,
  );
}

function invalid(name: string, text: string): string {
  return `invalid value for parameter "${name}": "${text}"`;
}
