import { Backend, Frontend } from "../wire/protocol.ts";
import { readInt32, stringEnd, text } from "../wire/read.ts";

const STATEMENT = 0x53;

/** Kind of a client's message as the log names it, and its details (contracts.md 019). */
export interface ClientMessage {
  readonly kind: string;
  readonly detail?: string;
}

/** A message of a client for log_client_messages; of a large one only the beginning is there. */
export function describeClientMessage(
  type: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): ClientMessage {
  const body = start + 5;
  switch (type) {
    case Frontend.Query:
      return { kind: "Query", detail: `query: "${stringAt(bytes, body, end)}"` };
    case Frontend.Parse: {
      const [name, query] = stringsAt(bytes, body, end);
      return { kind: "Parse", detail: `statement: "${name}", query: "${query}"` };
    }
    case Frontend.Bind: {
      const [portal, name] = stringsAt(bytes, body, end);
      return { kind: "Bind", detail: `portal: "${portal}", statement: "${name}"` };
    }
    case Frontend.Describe:
    case Frontend.Close: {
      const what = bytes[body] === STATEMENT ? "statement" : "portal";
      const kind = type === Frontend.Describe ? "Describe" : "Close";
      return { kind, detail: `${what}: "${stringAt(bytes, body + 1, end)}"` };
    }
    case Frontend.Execute:
      return { kind: "Execute", detail: `portal: "${stringAt(bytes, body, end)}"` };
    case Frontend.FunctionCall:
      return { kind: "FunctionCall", detail: `oid: "${readInt32(bytes, body) >>> 0}"` };
    case Frontend.CopyDone:
      return { kind: "CopyDone" };
    case Frontend.CopyFail:
      return { kind: "CopyFail" };
    case Frontend.Flush:
      return { kind: "Flush" };
    case Frontend.Sync:
      return { kind: "Sync" };
    case Frontend.Terminate:
      return { kind: "Terminate" };
    default:
      return { kind: `Unknown (${type})` };
  }
}

/** Takes a line for the log. */
export type LogLine = (text: string, detail?: string) => void;

/** log_client_messages: writes a line for each message of the client, and one for a COPY's data. */
export class ClientMessageLog {
  #copyData = 0;

  constructor(readonly log: LogLine) {}

  message(type: number, bytes: Uint8Array, start: number, end: number): void {
    if (type === Frontend.CopyData) {
      this.#copyData++;
      return;
    }
    if (this.#copyData > 0) {
      this.log("CopyData message from frontend.", `count: ${this.#copyData}`);
      this.#copyData = 0;
    }
    const { kind, detail } = describeClientMessage(type, bytes, start, end);
    this.log(`${kind} message from frontend.`, detail);
  }
}

const backendNames = new Map<number, string>(
  Object.entries(Backend).map(([name, type]) => [type, name]),
);

interface Last {
  type: number;
  repeats: number;
}

/** log_backend_messages: writes a line for each message of a server (contracts.md 039). */
export class BackendMessageLog {
  readonly #last = new Map<number, Last>();

  constructor(readonly log: LogLine) {}

  /** @param terse messages of the same kind in a row are counted. */
  message(node: number, type: number, terse: boolean): void {
    const last = this.#last.get(node);
    if (terse && last?.type === type) {
      last.repeats++;
      return;
    }
    if (last !== undefined) this.#tellRepeats(node, last);
    if (terse) this.#last.set(node, { type, repeats: 0 });
    else this.#last.delete(node);
    this.log(`${nameOf(type)} message from backend ${node}`);
  }

  /** Tells what is only counted so far: the session ends. */
  flush(): void {
    for (const [node, last] of this.#last) this.#tellRepeats(node, last);
    this.#last.clear();
  }

  #tellRepeats(node: number, { type, repeats }: Last): void {
    if (repeats === 0) return;
    this.log(`last ${nameOf(type)} message from backend ${node} repeated ${repeats} times`);
  }
}

function nameOf(type: number): string {
  return backendNames.get(type) ?? `Unknown (${type})`;
}

function stringAt(bytes: Uint8Array, start: number, end: number): string {
  const zero = stringEnd(bytes, start, end);
  return text(bytes, start, zero < 0 ? Math.max(start, end) : zero);
}

function stringsAt(bytes: Uint8Array, start: number, end: number): [string, string] {
  const zero = stringEnd(bytes, start, end);
  if (zero < 0) return [text(bytes, start, Math.max(start, end)), ""];
  return [text(bytes, start, zero), stringAt(bytes, zero + 1, end)];
}
