import type { ColumnType } from "../columns.ts";
import { SqlError } from "./errors.ts";
import { parseTimestamp } from "./time.ts";
import { cast, parseText, typeInfo, type Value } from "./values.ts";

/** Types that a client may give its parameters: what they are here, and how they come in binary. */
interface ParameterType {
  readonly type: ColumnType;
  /** Bytes of the binary format, undefined for any number of them. */
  readonly size?: number;
  readonly read: (bytes: Buffer, zone: string) => Value;
}

const EPOCH_2000 = Date.UTC(2000, 0, 1);
const DAY_MS = 86_400_000;
const asText = (bytes: Buffer) => bytes.toString("utf8");
const asTime = (bytes: Buffer) => Number(bytes.readBigInt64BE()) / 1000 + EPOCH_2000;

const BY_OID: ReadonlyMap<number, ParameterType> = new Map<number, ParameterType>([
  [16, { type: "bool", size: 1, read: (bytes) => bytes[0] !== 0 }],
  [19, { type: "text", read: asText }],
  [20, { type: "int8", size: 8, read: (bytes) => Number(bytes.readBigInt64BE()) }],
  [21, { type: "int4", size: 2, read: (bytes) => bytes.readInt16BE() }],
  [23, { type: "int4", size: 4, read: (bytes) => bytes.readInt32BE() }],
  [25, { type: "text", read: asText }],
  [700, { type: "float8", size: 4, read: (bytes) => bytes.readFloatBE() }],
  [701, { type: "float8", size: 8, read: (bytes) => bytes.readDoubleBE() }],
  [1042, { type: "text", read: asText }],
  [1043, { type: "text", read: asText }],
  [
    1082,
    {
      type: "timestamptz",
      size: 4,
      read: (bytes, zone) => inZone(bytes.readInt32BE() * DAY_MS + EPOCH_2000, zone),
    },
  ],
  [1114, { type: "timestamptz", size: 8, read: (bytes, zone) => inZone(asTime(bytes), zone) }],
  [1184, { type: "timestamptz", size: 8, read: asTime }],
]);

/** unknown: the type follows from where the parameter stands, as without any. */
const UNKNOWN = 705;
/** More than any statement here has use for. */
const MOST_PARAMETERS = 100;

/** Types of a statement's parameters: given by the client, or found while the statement is read. */
export class ParameterTypes {
  readonly #oids: number[];

  /**
   * @param given type oids of the client, 0 where it gives none.
   * @throws {SqlError}
   */
  constructor(given: readonly number[]) {
    if (given.length > MOST_PARAMETERS) throw tooMany();
    for (const oid of given) {
      if (oid === 0 || oid === UNKNOWN || BY_OID.has(oid)) continue;
      throw new SqlError("0A000", `parameters of the type with oid ${oid} are not supported`);
    }
    this.#oids = given.map((oid) => oid === UNKNOWN ? 0 : oid);
  }

  /**
   * The type of parameter `number`, from 1. One that has none becomes `wanted`; undefined asks
   * without deciding.
   */
  type(number: number, wanted: ColumnType): ColumnType;
  type(number: number, wanted: undefined): ColumnType | undefined;
  type(number: number, wanted: ColumnType | undefined): ColumnType | undefined {
    if (number < 1 || number > MOST_PARAMETERS) throw tooMany();
    while (this.#oids.length < number) this.#oids.push(0);
    const known = BY_OID.get(this.#oids[number - 1] ?? 0);
    if (known !== undefined || wanted === undefined) return known?.type;
    this.#oids[number - 1] = typeInfo(wanted).oid;
    return wanted;
  }

  get count(): number {
    return this.#oids.length;
  }

  /** Type oids for ParameterDescription. */
  get oids(): readonly number[] {
    return this.#oids;
  }

  /** @throws {SqlError} when a parameter stands nowhere, so that nothing tells its type. */
  check(): void {
    const unused = this.#oids.indexOf(0);
    if (unused < 0) return;
    throw new SqlError("42P18", `could not determine data type of parameter $${unused + 1}`);
  }

  /**
   * Reads the values of a Bind message.
   *
   * @param formats none (text), one for all, or one each; 0 is text, 1 binary.
   * @throws {SqlError}
   */
  decode(
    values: readonly (Buffer | null)[],
    formats: readonly number[],
    zone: string,
  ): readonly Value[] {
    if (formats.length > 1 && formats.length !== values.length) {
      const message = `bind message has ${formats.length} parameter formats ` +
        `but ${values.length} parameters`;
      throw new SqlError("08P01", message);
    }
    if (values.length !== this.count) {
      const message = `bind message supplies ${values.length} parameters, ` +
        `but prepared statement requires ${this.count}`;
      throw new SqlError("08P01", message);
    }
    return values.map((bytes, index) => {
      const known = BY_OID.get(this.#oids[index] ?? 0);
      if (bytes === null || known === undefined) return null;
      const isBinary = formatOf(formats, index) === 1;
      return isBinary
        ? decodeBinary(known, bytes, index, zone)
        : parseText(known.type, bytes.toString("utf8"), zone);
    });
  }
}

/** A date or a time of day without a zone is one of the session's zone. */
function inZone(asIfUtc: number, zone: string): Value {
  return parseTimestamp(new Date(asIfUtc).toISOString().slice(0, 23), zone) ?? null;
}

/** The format of a parameter or a column, by the rule of the Bind message. */
export function formatOf(formats: readonly number[], index: number): number {
  return (formats.length === 1 ? formats[0] : formats[index]) ?? 0;
}

function decodeBinary(
  { type, size, read }: ParameterType,
  bytes: Buffer,
  index: number,
  zone: string,
): Value {
  if (size !== undefined && bytes.length !== size) {
    throw new SqlError("22P03", `incorrect binary data format in bind parameter ${index + 1}`);
  }
  // Through CAST, which knows the range of every type.
  const value = read(bytes, zone);
  return typeof value === "number" && type === "int8" ? cast(value, "float8", "int8", "") : value;
}

function tooMany(): SqlError {
  return new SqlError("54000", `there can be no more than ${MOST_PARAMETERS} parameters`);
}
