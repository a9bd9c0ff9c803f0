/**
 * `YYYY-MM-DD HH:MM:SS` in the server's time zone (reference sql-interface.md 1).
 * @param seconds Unix time; 0 (never) gives an empty text
 */
export function formatTime(seconds: number): string {
  if (seconds <= 0) return "";
  const time = new Date(seconds * 1000);
  const date = [time.getFullYear(), time.getMonth() + 1, time.getDate()].map(twoDigits).join("-");
  return `${date} ${
    [time.getHours(), time.getMinutes(), time.getSeconds()].map(twoDigits).join(":")
  }`;
}

/** `M:SS` of a number of seconds, never negative. */
export function formatMinutes(seconds: number): string {
  const left = Math.max(0, Math.floor(seconds));
  return `${Math.floor(left / 60)}:${twoDigits(left % 60)}`;
}

/** C's `%f`. */
export function formatFloat(value: number): string {
  return (Number.isFinite(value) ? value : 0).toFixed(6);
}

/** The text cut to a number of bytes of UTF-8, never within a character. */
export function cutBytes(text: string, limit: number): string {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length <= limit) return text;
  let end = limit;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return new TextDecoder().decode(bytes.subarray(0, end));
}

function twoDigits(value: number): string {
  return String(value).padStart(2, "0");
}
