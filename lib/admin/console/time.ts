/** Times of timestamptz values: milliseconds since 1970 here, texts and microseconds outside. */

const MINUTE_MS = 60_000;
const OFFSET = /([+-])(\d\d):(\d\d)$/;
const TIMESTAMP =
  /^\s*(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?)?\s*(Z|[+-]\d\d(?::?\d\d)?)?\s*$/i;

/** The time zone of this machine, by its name. */
export function localZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** Whether there is a time zone of this name. */
export function isZone(name: string): boolean {
  try {
    formatFor(name);
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** `2026-11-25 14:02:13+01`, as PostgreSQL prints a timestamptz with DateStyle ISO. */
export function formatTimestamp(time: number, zone: string): string {
  const offset = zoneOffset(time, zone);
  const local = new Date(time + offset * MINUTE_MS).toISOString();
  const fraction = local.slice(19, 23).replace(/\.?0+$/, "");
  const size = Math.abs(offset);
  const minutes = size % 60 === 0 ? "" : `:${twoDigits(size % 60)}`;
  const sign = offset < 0 ? "-" : "+";
  return `${local.slice(0, 10)} ${local.slice(11, 19)}${fraction}${sign}${
    twoDigits(Math.floor(size / 60))
  }${minutes}`;
}

/** The time that an ISO text means; undefined when it is none. Without an offset it is the zone's. */
export function parseTimestamp(text: string, zone: string): number | undefined {
  const match = TIMESTAMP.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour = "0", minute = "0", second = "0", fraction = "", offset] = match;
  const parts = [year, month, day, hour, minute, second].map(Number);
  const [y = 0, m = 0, d = 0, h = 0, min = 0, s = 0] = parts;
  const millis = Math.floor(Number(`0.${fraction || "0"}`) * 1000);
  const asUtc = Date.UTC(y, m - 1, d, h, min, s, millis);
  const date = new Date(asUtc);
  const isReal = date.getUTCMonth() === m - 1 && date.getUTCDate() === d && h < 24 && min < 60;
  if (!isReal) return undefined;
  if (offset !== undefined) return asUtc - offsetMinutes(offset) * MINUTE_MS;
  // The offset at the local time is not known before the time is: twice is enough.
  const guess = asUtc - zoneOffset(asUtc, zone) * MINUTE_MS;
  return asUtc - zoneOffset(guess, zone) * MINUTE_MS;
}

/** The time of a `YYYY-MM-DD HH:MM:SS` of this machine's, as views print it; null for none. */
export function localTime(text: string): number | null {
  const time = Date.parse(text.replace(" ", "T"));
  return Number.isNaN(time) ? null : time;
}

/** Minutes that a zone is ahead of UTC at a time. */
function zoneOffset(time: number, zone: string): number {
  const part = formatFor(zone).formatToParts(time).find(({ type }) => type === "timeZoneName");
  const match = OFFSET.exec(part?.value ?? "");
  return match === null ? 0 : offsetMinutes(`${match[1]}${match[2]}${match[3]}`);
}

function offsetMinutes(text: string): number {
  if (text.toUpperCase() === "Z") return 0;
  const [hours, minutes] = [text.slice(1, 3), text.slice(3).replace(":", "")];
  return (Number(hours) * 60 + Number(minutes)) * (text.startsWith("-") ? -1 : 1);
}

let last: { readonly zone: string; readonly format: Intl.DateTimeFormat } | undefined;

/** Making one is slow, and a result has many times in one zone. */
function formatFor(zone: string): Intl.DateTimeFormat {
  if (last?.zone !== zone) {
    const format = new Intl.DateTimeFormat("en", { timeZone: zone, timeZoneName: "longOffset" });
    last = { zone, format };
  }
  return last.format;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, "0");
}
