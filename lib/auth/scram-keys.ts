import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from "node:crypto";
import { ScramError } from "./errors.ts";
import { encodePassword } from "./password-bytes.ts";
import { saslPrep } from "./saslprep.ts";

/** Length in bytes of every SHA-256 key, signature and proof. */
export const SCRAM_KEY_LENGTH = 32;

/**
 * Most PBKDF2 rounds done for anybody. PostgreSQL's default is 4096; the derivation runs on the
 * event loop (about a third of a second at this bound), so a peer may not ask for more.
 */
export const MAX_DERIVED_ITERATIONS = 1_000_000;

/** The three keys of RFC 5802 section 3 that follow from a password, a salt and an iteration count. */
export interface ScramKeys {
  readonly clientKey: Buffer;
  readonly storedKey: Buffer;
  readonly serverKey: Buffer;
}

/** HMAC-SHA-256. */
export function hmac(key: Uint8Array, data: Uint8Array | string): Buffer {
  return createHmac("sha256", key).update(data).digest();
}

/** SHA-256. */
export function sha256(data: Uint8Array): Buffer {
  return createHash("sha256").update(data).digest();
}

/** Bytewise exclusive or of two keys of the same length. */
export function xorKeys(left: Uint8Array, right: Uint8Array): Buffer {
  const result = Buffer.alloc(left.length);
  for (let i = 0; i < left.length; i++) result[i] = (left[i] ?? 0) ^ (right[i] ?? 0);
  return result;
}

/** Constant-time comparison; different lengths are different. */
export function equalKeys(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && timingSafeEqual(left, right);
}

/**
 * Derives the keys of a password.
 * @throws ScramError (reason limit) for more than MAX_DERIVED_ITERATIONS rounds
 */
export function deriveScramKeys(
  password: string,
  salt: Uint8Array,
  iterations: number,
): ScramKeys {
  if (iterations > MAX_DERIVED_ITERATIONS) {
    throw new ScramError("limit", `SCRAM iteration count ${iterations} is too large`);
  }
  const salted = pbkdf2Sync(saslPrep(password), salt, iterations, SCRAM_KEY_LENGTH, "sha256");
  const clientKey = hmac(salted, "Client Key");
  return { clientKey, storedKey: sha256(clientKey), serverKey: hmac(salted, "Server Key") };
}

/**
 * Keys derived lately, so that logging in again costs microseconds instead of a PBKDF2.
 * Bounded: the entry used longest ago goes first. Passwords are not kept, only a keyed digest.
 */
export class ScramKeyCache {
  readonly #entries = new Map<string, ScramKeys>();
  readonly #digestKey = randomBytes(SCRAM_KEY_LENGTH);

  constructor(readonly limit: number = 4096) {}

  get size(): number {
    return this.#entries.size;
  }

  /** As `deriveScramKeys`. */
  derive(password: string, salt: Uint8Array, iterations: number): ScramKeys {
    const id = this.#id(password, salt, iterations);
    const known = this.#entries.get(id);
    const keys = known ?? deriveScramKeys(password, salt, iterations);
    if (known !== undefined) this.#entries.delete(id);
    this.#entries.set(id, keys);
    if (this.#entries.size > this.limit) this.#dropOldest();
    return keys;
  }

  #id(password: string, salt: Uint8Array, iterations: number): string {
    return createHmac("sha256", this.#digestKey)
      .update(`${iterations}:${salt.length}:`)
      .update(salt)
      .update(encodePassword(password))
      .digest("base64");
  }

  #dropOldest(): void {
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest);
      return;
    }
  }
}

/** Keys of real passwords, shared by all logins of this process. */
export const passwordKeys = new ScramKeyCache();
