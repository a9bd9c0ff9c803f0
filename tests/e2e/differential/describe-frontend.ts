import { messageType } from "./script.ts";

const NAMES: Readonly<Record<string, string>> = {
  B: "Bind",
  C: "Close",
  D: "Describe",
  E: "Execute",
  F: "FunctionCall",
  H: "Flush",
  P: "Parse",
  Q: "Query",
  S: "Sync",
  X: "Terminate",
  c: "CopyDone",
  d: "CopyData",
  f: "CopyFail",
};

/** Enough of a long text to know it. */
const SHOWN = 300;

/** A frontend message for a person to read: its name and its body without unprintable bytes. */
export function describeFrontend(message: Uint8Array): string {
  const name = NAMES[messageType(message)] ?? `message ${messageType(message)}`;
  const body = new TextDecoder().decode(message.subarray(5)).replace(/[\0-\x1f\ufffd]+/g, " ")
    .trim();
  if (messageType(message) === "E") return `${name}(${body}${rowLimit(message)})`;
  if (body === "") return name;
  return body.length > SHOWN ? `${name}(${body.slice(0, SHOWN)}…)` : `${name}(${body})`;
}

/** The number of rows at the end of Execute, which would not be seen as text. */
function rowLimit(message: Uint8Array): string {
  const rows = Buffer.from(message).readInt32BE(message.length - 4);
  return rows === 0 ? "" : ` ${rows} rows`;
}
