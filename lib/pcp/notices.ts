import { cStrings, encodeMessage, splitStrings } from "./messages.ts";
import type { PcpError } from "./service.ts";

/** Longest text of one field, in bytes (pcp-protocol.md 4.7). */
const FIELD_LIMIT = 255;

/** What a message of type E or N says. */
export interface PcpNotice {
  /** ERROR, FATAL, NOTICE, … */
  readonly severity: string;
  readonly sqlState: string;
  readonly message: string;
  readonly detail: string;
  readonly hint: string;
}

/** The message that tells a client of an error. */
export function encodeError(error: PcpError): Buffer {
  const { severity, sqlState, message, detail, hint } = error;
  return encodeNotice("E", {
    severity: severity.toUpperCase(),
    sqlState,
    message,
    detail,
    hint,
  });
}

/** An error (E), which is the answer to a request, or a notice (N), which comes before one. */
export function encodeNotice(type: "E" | "N", notice: PcpNotice): Buffer {
  const fields = [
    `S${notice.severity}`,
    `C${notice.sqlState}`,
    `M${notice.message}`,
    ...(notice.detail === "" ? [] : [`D${notice.detail}`]),
    ...(notice.hint === "" ? [] : [`H${notice.hint}`]),
    // C clients of Pgpool-II expect a source file and a line.
    "Fpcp",
    "L0",
  ];
  return encodeMessage(type, Buffer.concat([...fields.map(field), Buffer.of(0)]));
}

/** Reads the body of an E or N message; fields that are missing are empty. */
export function decodeNotice(body: Uint8Array): PcpNotice {
  const fields = new Map<string, string>();
  for (const text of splitStrings(body)) fields.set(text.charAt(0), text.slice(1));
  const get = (letter: string) => fields.get(letter) ?? "";
  return {
    severity: get("S"),
    sqlState: get("C"),
    message: get("M"),
    detail: get("D"),
    hint: get("H"),
  };
}

/** One field, cut between characters. */
function field(text: string): Buffer {
  const bytes = cStrings([text]);
  if (bytes.length <= FIELD_LIMIT + 2) return bytes;
  let end = FIELD_LIMIT + 1;
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return Buffer.concat([bytes.subarray(0, end), Buffer.of(0)]);
}
