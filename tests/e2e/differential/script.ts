/** What a client does to a server, written so that it can be done again to another one. */
import * as frontend from "../../support/frontend.ts";

/** When the replies to what was sent are complete. */
export type Until =
  /** After this many ReadyForQuery. */
  | { readonly ready: number }
  /** With the first message of one of these types. */
  | { readonly types: string }
  /** When everything sent has been answered, or skipped after an error. */
  | { readonly answered: true }
  /** When the server has closed the connection. */
  | { readonly end: true };

export interface Exchange {
  /** Which of the script's connections is used; they are opened when first needed. */
  readonly session: string;
  readonly send: readonly Uint8Array[];
  readonly until: Until;
  /** What is sent, in turn, each time that the server asks for COPY data. */
  readonly copies: readonly (readonly Uint8Array[])[];
}

/** A text is a simple query on the first connection. */
export type Step = string | Exchange;

export interface Login {
  readonly user?: string;
  readonly database?: string;
  /** Minor version of protocol 3. */
  readonly minor?: number;
  readonly parameters?: Readonly<Record<string, string>>;
}

export interface Script {
  readonly name: string;
  readonly steps: readonly Step[];
  /** Start-up parameters of every connection. */
  readonly login: Login;
  /** Whether the messages up to the first ReadyForQuery are compared too. */
  readonly comparesLogin: boolean;
  /** Why a primary with a standby need not give the same, null where it has to. */
  readonly onlyWithOneServer: string | null;
}

/** Scripts that share a database, which starts with what `setup` makes (run on the primary). */
export interface Topic {
  readonly name: string;
  readonly setup: string;
  readonly scripts: readonly Script[];
}

/** The connection that steps without a name use. */
export const MAIN_SESSION = "a";

export function script(name: string, ...steps: readonly Step[]): Script {
  return { name, steps, login: {}, comparesLogin: false, onlyWithOneServer: null };
}

/** A script that tells, by right, whether its statements ran on one server or on two. */
export function onlyWithOneServer(reason: string, of: Script): Script {
  return { ...of, onlyWithOneServer: reason };
}

/** A script whose start-up is part of what is compared. */
export function loginScript(name: string, login: Login, ...steps: readonly Step[]): Script {
  return { ...script(name, ...steps), login, comparesLogin: true };
}

/** Messages in one write, up to as many ReadyForQuery as there are Sync, Query and FunctionCall. */
export function pipeline(...send: readonly Uint8Array[]): Exchange {
  const ready = send.filter((bytes) => "SQF".includes(messageType(bytes))).length;
  return exchange(send, { ready });
}

/** Messages in one write, whose replies end with the first message of one of these types. */
export function upTo(types: string, ...send: readonly Uint8Array[]): Exchange {
  return exchange(send, { types });
}

/** Messages in one write, answered by this many ReadyForQuery. */
export function upToReady(ready: number, ...send: readonly Uint8Array[]): Exchange {
  return exchange(send, { ready });
}

/** Messages in one write, up to the answer to the last of them; they end with Sync or Query. */
export function answered(...send: readonly Uint8Array[]): Exchange {
  return exchange(send, { answered: true });
}

/** Messages after which the server closes the connection. */
export function upToEnd(...send: readonly Uint8Array[]): Exchange {
  return exchange(send, { end: true });
}

/** Each message in a write of its own, the last one complete with ReadyForQuery. */
export function oneByOne(...send: readonly Uint8Array[]): Exchange[] {
  return send.map((bytes, at) => exchange([bytes], { ready: at === send.length - 1 ? 1 : 0 }));
}

/** A simple query that copies in: for each COPY in it the chunks, and how they end. */
export function copyIn(sql: string, ...copies: readonly (readonly Uint8Array[])[]): Exchange {
  return { ...exchange([frontend.query(sql)], { ready: 1 }), copies };
}

/** COPY data in CopyData messages of these contents, ended by CopyDone. */
export function rows(...chunks: readonly (string | Uint8Array)[]): Uint8Array[] {
  return [...chunks.map(frontend.copyData), frontend.copyDone];
}

/** COPY data that the client gives up. */
export function failing(reason: string, ...chunks: readonly string[]): Uint8Array[] {
  return [...chunks.map(frontend.copyData), frontend.copyFail(reason)];
}

/** The same on another connection of the script. */
export function on(session: string, step: Step): Exchange {
  return { ...toExchange(step), session };
}

export function toExchange(step: Step): Exchange {
  return typeof step === "string" ? pipeline(frontend.query(step)) : step;
}

export function messageType(bytes: Uint8Array): string {
  return String.fromCharCode(bytes[0] ?? 0);
}

function exchange(send: readonly Uint8Array[], until: Until): Exchange {
  return { session: MAIN_SESSION, send, until, copies: [] };
}
