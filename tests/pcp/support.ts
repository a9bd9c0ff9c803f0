import fc from "fast-check";

/** Types of messages. */
export const letters: fc.Arbitrary<string> = fc.constantFrom(
  ..."ABCDFGHIJLMNOPRSTVWXZabcdghijlmnprstvwzEN",
);

/** The bytes in pieces of the given sizes, none of them empty. */
export function inPieces(bytes: Uint8Array, sizes: Iterator<number>): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let start = 0; start < bytes.length;) {
    const next = sizes.next();
    const end = start + 1 + (next.done === true ? bytes.length : next.value);
    pieces.push(bytes.subarray(start, end));
    start = end;
  }
  return pieces;
}
