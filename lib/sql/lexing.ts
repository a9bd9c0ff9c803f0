/**
 * PostgreSQL's lexical rules on bytes (its scan.l): blanks, comments, strings and numbers. All
 * functions take a range of bytes of an ASCII superset and never look beyond its end.
 */

/** White space between tokens, as psql and the server see it. */
export function isBlank(byte: number): boolean {
  return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
}

/** First byte of an identifier or key word: a letter, `_`, or any byte beyond ASCII. */
export function startsWord(byte: number): boolean {
  const lower = byte | 0x20;
  return (lower >= 0x61 && lower <= 0x7a) || byte === 0x5f || byte >= 0x80;
}

/** Further byte of an identifier. */
export function continuesWord(byte: number): boolean {
  return startsWord(byte) || isDigit(byte) || byte === 0x24;
}

/** 0 to 9. */
function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

/** Skips white space and comments; an open comment reaches to the end. */
export function skipBlank(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end) {
    if (isBlank(byteAt(bytes, at))) {
      at++;
      continue;
    }
    const after = commentEnd(bytes, at, end);
    if (after === at) return at;
    if (after < 0) return end;
    at = after;
  }
  return at;
}

/** End of the comment that begins at `at`; `at` itself when none does, -1 when it is left open. */
export function commentEnd(bytes: Uint8Array, at: number, end: number): number {
  if (at + 1 >= end) return at;
  const first = bytes[at];
  const second = bytes[at + 1];
  if (first === 0x2d && second === 0x2d) {
    let next = at + 2;
    while (next < end && bytes[next] !== 0x0a && bytes[next] !== 0x0d) next++;
    return next;
  }
  if (first !== 0x2f || second !== 0x2a) return at;
  let depth = 1;
  let next = at + 2;
  while (next + 1 < end) {
    const pair = (byteAt(bytes, next) << 8) | byteAt(bytes, next + 1);
    if (pair === 0x2a2f) {
      next += 2;
      if (--depth === 0) return next;
    } else if (pair === 0x2f2a) {
      next += 2;
      depth++;
    } else next++;
  }
  return -1;
}

/**
 * End of a quoted string or identifier whose opening quote is at `at`; -1 when it is left open.
 * A doubled quote stands for itself; with `escapes` a backslash takes the next byte with it.
 */
export function quotedEnd(bytes: Uint8Array, at: number, end: number, escapes: boolean): number {
  const quote = bytes[at];
  let next = at + 1;
  while (next < end) {
    const byte = bytes[next];
    if (byte === quote) {
      if (next + 1 >= end || bytes[next + 1] !== quote) return next + 1;
      next += 2;
    } else next += escapes && byte === 0x5c ? 2 : 1;
  }
  return -1;
}

/**
 * End of the dollar-quoted string whose first `$` is at `at`; `at` itself when it is not one, -1
 * when it is left open.
 */
export function dollarQuotedEnd(bytes: Uint8Array, at: number, end: number): number {
  let tagEnd = at + 1;
  while (tagEnd < end && bytes[tagEnd] !== 0x24) {
    const byte = byteAt(bytes, tagEnd);
    const fits = startsWord(byte) || (isDigit(byte) && tagEnd > at + 1);
    if (!fits) return at;
    tagEnd++;
  }
  if (tagEnd >= end) return at;
  const length = tagEnd + 1 - at;
  for (let next = tagEnd + 1; next + length <= end; next++) {
    if (bytes[next] !== 0x24) continue;
    let same = 1;
    while (same < length && bytes[next + same] === bytes[at + same]) same++;
    if (same === length) return next + length;
  }
  return -1;
}

/**
 * End of the number that begins at `at` with a digit, or with a point before a digit; -1 when what
 * follows it makes it something else, which PostgreSQL decides.
 */
export function numberEnd(bytes: Uint8Array, at: number, end: number): number {
  let next = at;
  if (bytes[at] === 0x30 && at + 1 < end && isRadix(byteAt(bytes, at + 1))) {
    next = at + 2;
    while (next < end && isHexDigit(byteAt(bytes, next))) next++;
  } else {
    next = digitsEnd(bytes, next, end);
    if (next < end && bytes[next] === 0x2e) next = digitsEnd(bytes, next + 1, end);
    next = exponentEnd(bytes, next, end);
  }
  if (next >= end) return next;
  const after = byteAt(bytes, next);
  return continuesWord(after) || after === 0x2e ? -1 : next;
}

function digitsEnd(bytes: Uint8Array, at: number, end: number): number {
  let next = at;
  while (next < end && (isDigit(byteAt(bytes, next)) || bytes[next] === 0x5f)) next++;
  return next;
}

function exponentEnd(bytes: Uint8Array, at: number, end: number): number {
  if (at >= end || (byteAt(bytes, at) | 0x20) !== 0x65) return at;
  const sign = bytes[at + 1];
  const digits = sign === 0x2b || sign === 0x2d ? at + 2 : at + 1;
  return digits < end && isDigit(byteAt(bytes, digits)) ? digitsEnd(bytes, digits, end) : at;
}

/** The letter of 0x, 0o and 0b. */
function isRadix(byte: number): boolean {
  const lower = byte | 0x20;
  return lower === 0x78 || lower === 0x6f || lower === 0x62;
}

function isHexDigit(byte: number): boolean {
  const lower = byte | 0x20;
  return isDigit(byte) || (lower >= 0x61 && lower <= 0x66) || byte === 0x5f;
}

function byteAt(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0;
}
