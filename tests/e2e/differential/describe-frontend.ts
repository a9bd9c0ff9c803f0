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
  if (body === "") return name;
  return body.length > SHOWN ? `${name}(${body.slice(0, SHOWN)}…)` : `${name}(${body})`;
}
