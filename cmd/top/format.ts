const NOTHING = "-";

/** A number per second: `0.4`, `1234`. */
export function formatRate(rate: number | null): string {
  if (rate === null) return NOTHING;
  return rate > 0 && rate < 10 ? rate.toFixed(1) : String(Math.round(rate));
}

/** Milliseconds with three digits or so: `0.08`, `12.3`, `1250`. */
export function formatMs(milliseconds: number | null): string {
  if (milliseconds === null) return NOTHING;
  return milliseconds.toFixed(milliseconds < 10 ? 2 : milliseconds < 100 ? 1 : 0);
}

export function formatShare(share: number | null): string {
  return share === null ? NOTHING : `${Math.round(share * 100)}%`;
}

/** How long something takes: `0.4 s`, `12 s`, `3 min 05 s`, `2 h 03 min`, `4 d 02 h`. */
export function formatDuration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.floor(seconds);
  const two = (number: number) => String(number).padStart(2, "0");
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${two(whole % 60)} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours} h ${two(minutes % 60)} min`;
  return `${Math.floor(hours / 24)} d ${two(hours % 24)} h`;
}

const UNITS = ["B", "kB", "MB", "GB", "TB"];

/** Bytes in units of 1024, as PostgreSQL names them: `512 B`, `1.5 MB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit > 0 && value < 10 ? value.toFixed(1) : Math.round(value)} ${UNITS[unit]}`;
}

/** Text of others for a terminal: on one line, and without anything that would move the cursor. */
export function harmless(text: string): string {
  return text.replace(/[\s\x00-\x1f\x7f-\x9f]+/g, " ").trim();
}

const STYLE_OR_CHARACTER = /\x1b\[[0-9;]*m|./gsu;

/** A line cut to so many columns of a terminal; styles take none and are ended. */
export function cut(line: string, columns: number): string {
  let width = 0;
  let kept = "";
  for (const [piece] of line.matchAll(STYLE_OR_CHARACTER)) {
    const isStyle = piece.startsWith("\x1b");
    width += isStyle ? 0 : Bun.stringWidth(piece);
    if (width > columns) return line.includes("\x1b") ? `${kept}\x1b[0m` : kept;
    kept += piece;
  }
  return kept;
}
