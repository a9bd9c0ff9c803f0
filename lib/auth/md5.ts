import { createHash, timingSafeEqual } from "node:crypto";
import { encodePassword } from "./password-bytes.ts";

/** Length of the salt in AuthenticationMD5Password. */
export const MD5_SALT_LENGTH = 4;

const HASH_PATTERN = /^md5[0-9a-f]{32}$/;

/** Hexadecimal md5 of the text, as `pg_md5 TEXT` prints it and pcp.conf holds it. */
export function md5Hex(text: string | Uint8Array): string {
  const bytes = typeof text === "string" ? encodePassword(text) : text;
  return createHash("md5").update(bytes).digest("hex");
}

/** The stored form of a password: `md5` followed by md5hex(password + user). */
export function md5Password(password: string, user: string): string {
  return "md5" + md5Hex(Buffer.concat([encodePassword(password), encodePassword(user)]));
}

/** Whether the text is a stored md5 password; other texts that start with md5 are plain text. */
export function isMd5Password(text: string): boolean {
  return HASH_PATTERN.test(text);
}

/**
 * The answer to AuthenticationMD5Password: `md5` + md5hex(hex digits of the hash + salt).
 * @param hash a stored md5 password as `md5Password` makes it
 */
export function md5Answer(hash: string, salt: Uint8Array): string {
  return "md5" + md5Hex(Buffer.concat([Buffer.from(hash.slice(3), "latin1"), salt]));
}

/** Whether the client's answer fits the stored hash and the salt it was sent; constant time. */
export function verifyMd5Answer(answer: string, hash: string, salt: Uint8Array): boolean {
  return equalTexts(answer, md5Answer(hash, salt));
}

/** Compares two secrets in a time that depends on neither's contents nor common length. */
export function equalTexts(left: string, right: string): boolean {
  const digest = (text: string) => createHash("sha256").update(encodePassword(text)).digest();
  return timingSafeEqual(digest(left), digest(right));
}
