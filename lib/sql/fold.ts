import { commentEnd, dollarQuotedEnd, numberEnd, quotedEnd, skipBlank } from "./lexing.ts";

/** What a byte begins. */
const Starts = {
  Itself: 0,
  Word: 1,
  Blank: 2,
  Digit: 3,
  String: 4,
  Identifier: 5,
  Dollar: 6,
  Comment: 7,
  Point: 8,
  Nothing: 9,
} as const;

const STARTS = startTable();
/** Bytes of words folded to lower case; 0 for bytes that no word contains. */
const WORD = wordTable();

const NUMBER = 0x30;
const STRING = 0x27;
const SPACE = 0x20;

/**
 * Folds a text to its template in one pass: literals become one byte each, key words and plain
 * identifiers lower case, white space and comments one space. Texts of one template have the same
 * parse tree but for their literals. What is not surely lexed as PostgreSQL does is not folded.
 *
 * The template is left in a buffer that the next fold overwrites.
 */
export class Folder {
  /** The template: the first {@link length} bytes. */
  readonly key: Uint8Array;
  length = 0;
  hash = 0;
  /** The text holds bytes beyond ASCII, which may or may not be UTF-8. */
  beyondAscii = false;
  /** Reading place in the text. */
  #at = 0;

  /** @param longest texts up to this many bytes can be folded. */
  constructor(longest: number) {
    // A string takes at least two bytes of text and one of the template, a number one of each.
    this.key = new Uint8Array(longest + 1);
  }

  /** Folds the bytes of a range; false when they have no template. */
  fold(bytes: Uint8Array, start: number, end: number): boolean {
    const { key } = this;
    let length = 0;
    let hash = 0x811c9dc5;
    let blank = false;
    let high = 0;
    let at = start;
    while (at < end) {
      const byte = bytes[at] ?? 0;
      const begins = STARTS[byte];
      if (begins === Starts.Blank) {
        blank = true;
        at++;
        continue;
      }
      if (begins === Starts.Comment) {
        const after = commentEnd(bytes, at, end);
        if (after < 0) return false;
        if (after > at) {
          blank = true;
          at = after;
          continue;
        }
      }
      if (blank) {
        blank = false;
        if (length > 0) {
          key[length++] = SPACE;
          hash = Math.imul(hash ^ SPACE, 0x01000193);
        }
      }
      if (begins === Starts.Word) {
        const first = length;
        do {
          const each = bytes[at] ?? 0;
          const folded = WORD[each] ?? 0;
          if (folded === 0) break;
          high |= each;
          key[length++] = folded;
          hash = Math.imul(hash ^ folded, 0x01000193);
          at++;
        } while (at < end);
        if (at >= end || (bytes[at] !== 0x27 && bytes[at] !== 0x26)) continue;
        // A prefix of a literal, unless it is only the end of a longer word.
        const prefix = length === first + 1 ? key[first] : 0;
        if (bytes[at] === 0x26) {
          // U&"…" may be followed by UESCAPE, which decides what the name is.
          if (prefix === 0x75 && bytes[at + 1] === 0x22) return false;
          continue;
        }
        const before = at;
        at = quotedEnd(bytes, at, end, prefix === 0x65);
        // A string with escapes goes on in a string on the next line, escapes and all.
        if (at < 0 || (prefix === 0x65 && bytes[skipBlank(bytes, at, end)] === 0x27)) return false;
        high |= highBits(bytes, before, at);
        key[length++] = STRING;
        hash = Math.imul(hash ^ STRING, 0x01000193);
        continue;
      }
      if (begins === Starts.Itself || begins === Starts.Comment) {
        key[length++] = byte;
        hash = Math.imul(hash ^ byte, 0x01000193);
        at++;
        continue;
      }
      const placeholder = this.#literal(begins, bytes, at, end);
      if (placeholder < 0) return false;
      const after = this.#at;
      if (placeholder > 0) {
        if (placeholder === STRING) high |= highBits(bytes, at, after);
        key[length++] = placeholder;
        hash = Math.imul(hash ^ placeholder, 0x01000193);
      } else {
        for (let next = at; next < after; next++) {
          const each = bytes[next] ?? 0;
          high |= each;
          key[length++] = each;
          hash = Math.imul(hash ^ each, 0x01000193);
        }
      }
      at = after;
    }
    this.length = length;
    this.hash = hash;
    this.beyondAscii = high >= 0x80;
    return true;
  }

  /**
   * Reads a token that is neither word nor operator, and moves on behind it. Returns the byte that
   * stands for it, 0 when it stands for itself, -1 when the text has no template.
   */
  #literal(begins: number | undefined, bytes: Uint8Array, at: number, end: number): number {
    switch (begins) {
      case Starts.String:
        return this.#behind(quotedEnd(bytes, at, end, false), STRING);
      case Starts.Identifier:
        return this.#behind(quotedEnd(bytes, at, end, false), 0);
      case Starts.Digit:
        return this.#behind(numberEnd(bytes, at, end), NUMBER);
      case Starts.Point:
        if (STARTS[bytes[at + 1] ?? 0] !== Starts.Digit || at + 1 >= end) {
          return this.#behind(at + 1, 0);
        }
        return this.#behind(numberEnd(bytes, at, end), NUMBER);
      case Starts.Dollar:
        return this.#dollar(bytes, at, end);
      default:
        return -1;
    }
  }

  #behind(after: number, placeholder: number): number {
    this.#at = after;
    return after < 0 ? -1 : placeholder;
  }

  /** A parameter such as $1, or a dollar-quoted string. */
  #dollar(bytes: Uint8Array, at: number, end: number): number {
    let next = at + 1;
    while (next < end && STARTS[bytes[next] ?? 0] === Starts.Digit) next++;
    if (next > at + 1) {
      const junk = next < end && WORD[bytes[next] ?? 0] !== 0;
      return junk ? -1 : this.#behind(next, 0);
    }
    const after = dollarQuotedEnd(bytes, at, end);
    return after === at ? -1 : this.#behind(after, STRING);
  }
}

/** The bytes of a range joined by OR: at least 0x80 when one of them is. */
function highBits(bytes: Uint8Array, start: number, end: number): number {
  let bits = 0;
  for (let at = start; at < end; at++) bits |= bytes[at] ?? 0;
  return bits;
}

function startTable(): Uint8Array {
  const table = new Uint8Array(256);
  table.fill(Starts.Word, 0x41, 0x5b);
  table.fill(Starts.Word, 0x61, 0x7b);
  table.fill(Starts.Word, 0x80, 0x100);
  table[0x5f] = Starts.Word;
  table.fill(Starts.Blank, 0x09, 0x0e);
  table[0x20] = Starts.Blank;
  table.fill(Starts.Digit, 0x30, 0x3a);
  table[0x27] = Starts.String;
  table[0x22] = Starts.Identifier;
  table[0x24] = Starts.Dollar;
  table[0x2d] = Starts.Comment;
  table[0x2f] = Starts.Comment;
  table[0x2e] = Starts.Point;
  table[0x00] = Starts.Nothing;
  return table;
}

function wordTable(): Uint8Array {
  const table = new Uint8Array(256);
  for (let byte = 0; byte < 256; byte++) {
    const starts = STARTS[byte];
    if (starts === Starts.Word || starts === Starts.Digit || byte === 0x24) table[byte] = byte;
  }
  for (let byte = 0x41; byte <= 0x5a; byte++) table[byte] = byte + 0x20;
  return table;
}
