/** Start of the lone surrogates that stand for bytes which are not valid UTF-8. */
const ESCAPE_BASE = 0xdc00;

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Turns the bytes of a password or name into a string without losing any of them: PostgreSQL
 * treats both as bytes in whatever encoding the client uses. Text that is not UTF-8 becomes one
 * character a byte, those from 0x80 on as lone surrogates, which no valid UTF-8 decodes to.
 */
export function decodePassword(bytes: Uint8Array): string {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    let text = "";
    for (const byte of bytes) {
      text += String.fromCharCode(byte < 0x80 ? byte : ESCAPE_BASE + byte);
    }
    return text;
  }
}

/** The bytes that `decodePassword` was given. */
export function encodePassword(text: string): Buffer {
  if (text.isWellFormed()) return Buffer.from(text, "utf8");
  const parts: Buffer[] = [];
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    const escaped = code >= ESCAPE_BASE + 0x80 && code <= ESCAPE_BASE + 0xff;
    parts.push(escaped ? Buffer.of(code - ESCAPE_BASE) : Buffer.from(character, "utf8"));
  }
  return Buffer.concat(parts);
}
