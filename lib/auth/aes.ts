import { createCipheriv, createDecipheriv, createHash } from "node:crypto";
import { AuthError } from "./errors.ts";
import { decodePassword, encodePassword } from "./password-bytes.ts";

const CIPHER = "aes-256-cbc";
const KEY_LENGTH = 32;
const IV_LENGTH = 16;

/**
 * Encrypts a password as pg_enc does (commands.md 4): AES-256-CBC with PKCS#7 padding, key and IV
 * by EVP_BytesToKey with SHA-1, one round and no salt.
 * @param key the first line of .pgpoolkey
 * @returns base64 without the `AES` that precedes it in pool_passwd
 */
export function encryptAes(password: string, key: string): string {
  const { cipherKey, iv } = bytesToKey(encodePassword(key));
  const cipher = createCipheriv(CIPHER, cipherKey, iv);
  return Buffer.concat([cipher.update(encodePassword(password)), cipher.final()])
    .toString("base64");
}

/**
 * Decrypts what `encryptAes` made.
 * @throws AuthError when the text is not base64 or the key does not fit
 */
export function decryptAes(base64: string, key: string): string {
  const { cipherKey, iv } = bytesToKey(encodePassword(key));
  try {
    const decipher = createDecipheriv(CIPHER, cipherKey, iv);
    const clear = [decipher.update(Buffer.from(base64, "base64")), decipher.final()];
    return decodePassword(Buffer.concat(clear));
  } catch (cause) {
    throw new AuthError("unable to decrypt an AES password with this key", { cause });
  }
}

/** EVP_BytesToKey: each digest covers the one before and the key. */
function bytesToKey(key: Buffer): { cipherKey: Buffer; iv: Buffer } {
  let digest = Buffer.alloc(0);
  let material = Buffer.alloc(0);
  while (material.length < KEY_LENGTH + IV_LENGTH) {
    digest = createHash("sha1").update(digest).update(key).digest();
    material = Buffer.concat([material, digest]);
  }
  return {
    cipherKey: material.subarray(0, KEY_LENGTH),
    iv: material.subarray(KEY_LENGTH, KEY_LENGTH + IV_LENGTH),
  };
}
