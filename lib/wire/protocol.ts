/**
 * Message type bytes of the PostgreSQL frontend/backend protocol 3
 * (PostgreSQL documentation, "Message Formats").
 */
export const Frontend = {
  Bind: 0x42, // B
  Close: 0x43, // C
  CopyData: 0x64, // d
  CopyDone: 0x63, // c
  CopyFail: 0x66, // f
  Describe: 0x44, // D
  Execute: 0x45, // E
  Flush: 0x48, // H
  FunctionCall: 0x46, // F
  Parse: 0x50, // P
  Password: 0x70, // p, also SASL responses
  Query: 0x51, // Q
  Sync: 0x53, // S
  Terminate: 0x58, // X
} as const;

export const Backend = {
  Authentication: 0x52, // R
  BackendKeyData: 0x4b, // K
  BindComplete: 0x32, // 2
  CloseComplete: 0x33, // 3
  CommandComplete: 0x43, // C
  CopyBothResponse: 0x57, // W
  CopyData: 0x64, // d
  CopyDone: 0x63, // c
  CopyInResponse: 0x47, // G
  CopyOutResponse: 0x48, // H
  DataRow: 0x44, // D
  EmptyQueryResponse: 0x49, // I
  ErrorResponse: 0x45, // E
  FunctionCallResponse: 0x56, // V
  NegotiateProtocolVersion: 0x76, // v
  NoData: 0x6e, // n
  NoticeResponse: 0x4e, // N
  NotificationResponse: 0x41, // A
  ParameterDescription: 0x74, // t
  ParameterStatus: 0x53, // S
  ParseComplete: 0x31, // 1
  PortalSuspended: 0x73, // s
  ReadyForQuery: 0x5a, // Z
  RowDescription: 0x54, // T
} as const;

/** Codes that stand in the place of a protocol version in the first packet. */
export const StartupCode = {
  Cancel: 80877102,
  Ssl: 80877103,
  GssEnc: 80877104,
} as const;

/** Transaction status in ReadyForQuery: idle, in a transaction, in a failed transaction. */
export const TransactionStatus = { Idle: 0x49, InTransaction: 0x54, Failed: 0x45 } as const;

/** Largest message PostgreSQL itself accepts from a client (PQ_LARGE_MESSAGE_LIMIT, 1 GB - 1). */
export const MAX_MESSAGE_LENGTH = 0x3fffffff;

/**
 * Whether a server may send a message like this. Large lengths are believed only of the types that
 * can be long, as libpq does: what is no PostgreSQL server is found out before anybody waits for a
 * gigabyte of it.
 *
 * @param length as in the header, without the type byte.
 */
export function isPlausibleAnswer(type: number, length: number): boolean {
  if (length < 4 || length > MAX_MESSAGE_LENGTH) return false;
  return length <= MAX_SHORT_LENGTH || LONG_ANSWERS.has(type);
}

const MAX_SHORT_LENGTH = 30_000;

const LONG_ANSWERS: ReadonlySet<number> = new Set([
  Backend.CopyData,
  Backend.DataRow,
  Backend.ErrorResponse,
  Backend.FunctionCallResponse,
  Backend.NoticeResponse,
  Backend.NotificationResponse,
  Backend.ParameterDescription,
  Backend.ParameterStatus,
  Backend.RowDescription,
]);

/** Largest startup packet accepted (PostgreSQL's MAX_STARTUP_PACKET_LENGTH). */
export const MAX_STARTUP_LENGTH = 10000;
