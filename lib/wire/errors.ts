/** A peer broke the protocol; the connection it came from can not be used any further. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
  /** SQLSTATE to report, class 08 of the PostgreSQL error codes. */
  readonly sqlstate = "08P01";
}
