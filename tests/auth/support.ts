import { createHash } from "node:crypto";
import type { RandomBytes } from "../../lib/auth/credentials.ts";

/** A random source that repeats itself with the same seed. */
export function seededRandom(seed: string): RandomBytes {
  let counter = 0;
  return (size) => {
    const parts: Buffer[] = [];
    for (let length = 0; length < size; length += 32) {
      parts.push(createHash("sha256").update(`${seed}:${counter++}`).digest());
    }
    return Buffer.concat(parts).subarray(0, size);
  };
}

/** Bytes of an ASCII text. */
export function bytes(text: string): Buffer {
  return Buffer.from(text, "latin1");
}

/** The body of a complete protocol message with a type byte. */
export function body(message: Uint8Array | undefined): Buffer {
  if (message === undefined) throw new Error("a message was expected");
  return Buffer.from(message).subarray(5);
}
