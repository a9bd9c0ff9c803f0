/** A text is no write-ahead log position. */
export class LsnError extends Error {
  override readonly name = "LsnError";
}

/**
 * Reads a write-ahead log position `X/Y` (two hexadecimal numbers of up to 32 bits) exactly,
 * as X * 2^32 + Y (PostgreSQL documentation, "pg_lsn Type"; reference behaviour.md 8.2).
 * @throws LsnError when the text has another form
 */
export function parseLsn(text: string): bigint {
  const match = /^([0-9A-Fa-f]{1,8})\/([0-9A-Fa-f]{1,8})$/.exec(text);
  if (match === null) throw new LsnError(`not a write-ahead log position: "${text}"`);
  return (BigInt(`0x${match[1]}`) << 32n) | BigInt(`0x${match[2]}`);
}

/** Bytes that a standby at `standby` is behind a primary at `primary`; 0 when it is ahead. */
export function lsnDistance(primary: bigint, standby: bigint): number {
  return primary > standby ? Number(primary - standby) : 0;
}
