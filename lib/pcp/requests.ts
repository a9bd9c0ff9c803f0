import {
  cStrings,
  encodeMessage,
  leadingNumber,
  type PcpMessage,
  splitStrings,
} from "./messages.ts";
import { PcpError } from "./service.ts";
import type { PcpScope, PcpStopMode } from "./types.ts";

/** Requests of the login (pcp-protocol.md 2); `sasl` and what `salt` carries are ours. */
export type LoginRequest =
  /** Who logs in, and the SASL mechanisms the client knows; C clients say neither. */
  | { readonly kind: "salt"; readonly user: string; readonly mechanisms: readonly string[] }
  | { readonly kind: "authenticate"; readonly user: string; readonly hash: string }
  /** The mechanism chosen, empty after the first one, and the client's SASL message. */
  | { readonly kind: "sasl"; readonly mechanism: string; readonly data: Uint8Array };

/** Requests of a client that has logged in (pcp-protocol.md 3). */
export type WorkRequest =
  | { readonly kind: "set-parameter"; readonly name: string; readonly value: string }
  | { readonly kind: "pool-status" }
  /** Figures and so many busy sessions at most; ours alone. */
  | { readonly kind: "activity"; readonly sessions: number }
  | { readonly kind: "attach-node"; readonly node: number }
  | { readonly kind: "detach-node"; readonly node: number; readonly gracefully: boolean }
  | { readonly kind: "invalidate-query-cache" }
  | { readonly kind: "health-check-stats"; readonly node: number }
  | { readonly kind: "node-info"; readonly node: number | "all" }
  | {
    readonly kind: "promote-node";
    readonly node: number;
    readonly gracefully: boolean;
    readonly switchover: boolean;
  }
  /** A request of our own. Milliseconds; whoever runs longer is ended with `force`. */
  | {
    readonly kind: "switchover";
    readonly node: number;
    readonly drainTimeout: number;
    readonly force: boolean;
  }
  | { readonly kind: "node-count" }
  | { readonly kind: "process-list" }
  | { readonly kind: "recover-node"; readonly node: number }
  | { readonly kind: "process-info"; readonly pid: number | "all" }
  | { readonly kind: "stop"; readonly mode: PcpStopMode; readonly scope: PcpScope }
  | { readonly kind: "log-rotate"; readonly scope: PcpScope }
  | { readonly kind: "watchdog-info"; readonly index: number | "all" }
  | { readonly kind: "reload-config"; readonly scope: PcpScope };

export type PcpRequest =
  | LoginRequest
  | WorkRequest
  /** Reserved; nobody answers it. */
  | { readonly kind: "stop-recovery" }
  | { readonly kind: "disconnect" };

const MODES: readonly (readonly [letter: string, mode: PcpStopMode])[] = [
  ["s", "smart"],
  ["f", "fast"],
  ["i", "immediate"],
];

/** The bytes of a request. */
export function encodeRequest(request: PcpRequest): Buffer {
  const strings = (type: string, ...texts: string[]) => encodeMessage(type, cStrings(texts));
  const bytes = (type: string, text: string) => encodeMessage(type, Buffer.from(text, "latin1"));
  switch (request.kind) {
    case "salt":
      return request.mechanisms.length === 0
        ? encodeMessage("M")
        : strings("M", request.user, ...request.mechanisms);
    case "authenticate":
      return strings("R", request.user, request.hash);
    case "sasl":
      return encodeMessage("S", Buffer.concat([cStrings([request.mechanism]), request.data]));
    case "set-parameter":
      return strings("A", request.name, request.value);
    case "pool-status":
      return encodeMessage("B");
    case "attach-node":
      return strings("C", String(request.node));
    case "detach-node":
      return strings(request.gracefully ? "d" : "D", String(request.node));
    case "stop-recovery":
      return encodeMessage("F");
    case "invalidate-query-cache":
      return encodeMessage("G");
    case "health-check-stats":
      return strings("H", String(request.node));
    case "node-info":
      return strings("I", request.node === "all" ? "-1" : String(request.node));
    case "promote-node": {
      const option = request.switchover ? "s" : "n";
      return bytes(request.gracefully ? "j" : "J", `${request.node} \0${option}`);
    }
    case "switchover": {
      const { node, drainTimeout, force } = request;
      return strings("Y", String(node), String(Math.round(drainTimeout)), force ? "f" : "n");
    }
    case "node-count":
      return encodeMessage("L");
    case "activity":
      return strings("Q", String(request.sessions));
    case "process-list":
      return encodeMessage("N");
    case "recover-node":
      return strings("O", String(request.node));
    case "process-info":
      return strings("P", request.pid === "all" ? "0" : String(request.pid));
    case "stop":
      return bytes(request.scope === "cluster" ? "t" : "T", modeLetter(request.mode));
    case "log-rotate":
      return bytes("V", scopeLetter(request.scope));
    case "watchdog-info":
      return strings("W", request.index === "all" ? "-1" : String(request.index));
    case "disconnect":
      return encodeMessage("X");
    case "reload-config":
      return bytes("Z", scopeLetter(request.scope));
  }
}

/**
 * What a message of a client asks for.
 *
 * @throws {PcpError} fatal when there is no such request
 */
export function decodeRequest({ type, body }: PcpMessage): PcpRequest {
  const number = () => leadingNumber(splitStrings(body)[0] ?? "");
  switch (type) {
    case "A": {
      const [name = "", value = ""] = splitStrings(body);
      return { kind: "set-parameter", name, value };
    }
    case "B":
      return { kind: "pool-status" };
    case "C":
      return { kind: "attach-node", node: number() };
    case "D":
    case "d":
      return { kind: "detach-node", node: number(), gracefully: type === "d" };
    case "F":
      return { kind: "stop-recovery" };
    case "G":
      return { kind: "invalidate-query-cache" };
    case "H":
      return { kind: "health-check-stats", node: number() };
    case "I":
      return { kind: "node-info", node: number() === -1 ? "all" : number() };
    case "J":
    case "j":
      return { kind: "promote-node", ...promotion(body), gracefully: type === "j" };
    case "L":
      return { kind: "node-count" };
    case "M": {
      const [user = "", ...mechanisms] = splitStrings(body);
      return { kind: "salt", user, mechanisms };
    }
    case "N":
      return { kind: "process-list" };
    case "O":
      return { kind: "recover-node", node: number() };
    case "P":
      return { kind: "process-info", pid: number() === 0 ? "all" : number() };
    case "Q":
      return { kind: "activity", sessions: Math.max(0, number()) };
    case "R": {
      const [user = "", hash = ""] = splitStrings(body);
      return { kind: "authenticate", user, hash };
    }
    case "S":
      return saslMessage(body);
    case "T":
    case "t":
      return { kind: "stop", mode: stopMode(body), scope: type === "t" ? "cluster" : "local" };
    case "V":
      return { kind: "log-rotate", scope: scopeOf(body) };
    case "W":
      return { kind: "watchdog-info", index: number() < 0 ? "all" : number() };
    case "X":
      return { kind: "disconnect" };
    case "Y":
      return switchover(body);
    case "Z":
      return { kind: "reload-config", scope: scopeOf(body) };
    default:
      throw new PcpError("PCP processing request", {
        severity: "fatal",
        detail: `unknown PCP packet type "${type}"`,
      });
  }
}

/** Number, a space, a byte that is skipped, and the option (pcp-protocol.md 3). */
function promotion(body: Uint8Array): { node: number; switchover: boolean } {
  const space = body.indexOf(0x20);
  const end = space < 0 ? body.length : space;
  const node = leadingNumber(Buffer.from(body.subarray(0, end)).toString("latin1"));
  return { node, switchover: space >= 0 && letterAt(body, space + 2) === "s" };
}

/** A request of our own, so that nothing has to be guessed. */
function switchover(body: Uint8Array): WorkRequest {
  const [node = "", drainTimeout = "", ending = ""] = splitStrings(body);
  if (!/^\d{1,9}$/.test(node) || !/^\d{1,9}$/.test(drainTimeout) || !/^[fn]$/.test(ending)) {
    throw new PcpError("invalid switchover request", { severity: "fatal" });
  }
  return {
    kind: "switchover",
    node: Number(node),
    drainTimeout: Number(drainTimeout),
    force: ending === "f",
  };
}

function saslMessage(body: Uint8Array): LoginRequest {
  const zero = body.indexOf(0);
  if (zero < 0) return { kind: "sasl", mechanism: "", data: body };
  const mechanism = Buffer.from(body.subarray(0, zero)).toString("latin1");
  return { kind: "sasl", mechanism, data: body.subarray(zero + 1) };
}

function stopMode(body: Uint8Array): PcpStopMode {
  const asked = letterAt(body, 0);
  const found = MODES.find(([letter]) => letter === asked);
  if (found !== undefined) return found[1];
  throw new PcpError("PCP: error while processing shutdown request", {
    detail: `invalid shutdown mode "${asked}"`,
  });
}

function modeLetter(mode: PcpStopMode): string {
  return mode.charAt(0);
}

function scopeOf(body: Uint8Array): PcpScope {
  return letterAt(body, 0) === "c" ? "cluster" : "local";
}

function scopeLetter(scope: PcpScope): string {
  return scope.charAt(0);
}

function letterAt(body: Uint8Array, index: number): string {
  const byte = body[index];
  return byte === undefined ? "" : String.fromCharCode(byte);
}
