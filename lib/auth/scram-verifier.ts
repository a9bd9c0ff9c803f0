import { ScramError } from "./errors.ts";
import {
  equalKeys,
  passwordKeys,
  SCRAM_KEY_LENGTH,
  type ScramKeyCache,
  type ScramKeys,
} from "./scram-keys.ts";

/** PostgreSQL's default of scram_iterations. */
export const DEFAULT_ITERATIONS = 4096;

/** Length in bytes of the salts PostgreSQL makes. */
export const DEFAULT_SALT_LENGTH = 16;

/** What a server keeps of a password (pg_authid.rolpassword): it can check, but not log in. */
export interface ScramVerifier {
  readonly iterations: number;
  readonly salt: Buffer;
  readonly storedKey: Buffer;
  readonly serverKey: Buffer;
}

const VERIFIER_PREFIX = "SCRAM-SHA-256$";
const VERIFIER_PATTERN = /^SCRAM-SHA-256\$(\d{1,10}):([^$:]+)\$([^$:]+):([^$:]+)$/;
const MAX_SALT_LENGTH = 1024;
const MAX_ITERATIONS = 2_147_483_647;

/** Whether the text claims to be a verifier, well-formed or not. */
export function looksLikeVerifier(text: string): boolean {
  return text.startsWith(VERIFIER_PREFIX);
}

/**
 * Reads `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>` (base64 parts).
 * @throws ScramError (reason malformed)
 */
export function parseVerifier(text: string): ScramVerifier {
  const match = VERIFIER_PATTERN.exec(text);
  if (match === null) throw new ScramError("malformed", "malformed SCRAM verifier");
  const [, iterations = "", salt = "", storedKey = "", serverKey = ""] = match;
  const verifier = {
    iterations: parseIterations(iterations),
    salt: decodeBase64(salt, MAX_SALT_LENGTH),
    storedKey: decodeBase64(storedKey, SCRAM_KEY_LENGTH),
    serverKey: decodeBase64(serverKey, SCRAM_KEY_LENGTH),
  };
  const whole = verifier.storedKey.length === SCRAM_KEY_LENGTH &&
    verifier.serverKey.length === SCRAM_KEY_LENGTH;
  if (!whole) throw new ScramError("malformed", "SCRAM verifier with keys of a wrong length");
  return verifier;
}

/** The text form that `parseVerifier` reads. */
export function formatVerifier(verifier: ScramVerifier): string {
  const base64 = (bytes: Buffer) => bytes.toString("base64");
  return `${VERIFIER_PREFIX}${verifier.iterations}:${base64(verifier.salt)}` +
    `$${base64(verifier.storedKey)}:${base64(verifier.serverKey)}`;
}

/**
 * Builds the verifier of a password.
 * @throws ScramError (reason limit) for absurd iteration counts
 */
export function buildVerifier(
  password: string,
  salt: Uint8Array,
  iterations: number = DEFAULT_ITERATIONS,
  cache: ScramKeyCache = passwordKeys,
): ScramVerifier {
  const keys: ScramKeys = cache.derive(password, salt, iterations);
  return {
    iterations,
    salt: Buffer.from(salt),
    storedKey: keys.storedKey,
    serverKey: keys.serverKey,
  };
}

/** Whether the clear-text password belongs to the verifier; a too costly verifier fits nothing. */
export function verifierMatches(
  verifier: ScramVerifier,
  password: string,
  cache: ScramKeyCache = passwordKeys,
): boolean {
  try {
    const keys = cache.derive(password, verifier.salt, verifier.iterations);
    return equalKeys(keys.storedKey, verifier.storedKey);
  } catch (error) {
    if (error instanceof ScramError) return false;
    throw error;
  }
}

/**
 * An iteration count as written in messages and verifiers: decimal, 1 to 2147483647.
 * @throws ScramError (reason malformed)
 */
export function parseIterations(text: string): number {
  const count = /^[1-9]\d{0,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(count <= MAX_ITERATIONS)) {
    throw new ScramError("malformed", "invalid SCRAM iteration count");
  }
  return count;
}

/**
 * Strict base64: non-empty, padded, no other characters, at most `maxLength` bytes.
 * @throws ScramError (reason malformed)
 */
export function decodeBase64(text: string, maxLength: number): Buffer {
  const bytes = Buffer.from(text, "base64");
  const canonical = bytes.length > 0 && bytes.toString("base64") === text;
  if (!canonical || bytes.length > maxLength) {
    throw new ScramError("malformed", "invalid base64 data in a SCRAM message");
  }
  return bytes;
}
