import type { ClusterSnapshot, NodeState } from "../../lib/cluster/types.ts";
import { chooseLoadBalanceNode } from "../../lib/session/load-balance.ts";
import type { CommandResult, ServerLink, SessionPort } from "../../lib/session/port.ts";
import { ReadKnowledge, SharedKnowledge } from "../../lib/session/read-knowledge.ts";
import { Router } from "../../lib/session/router.ts";
import { Session } from "../../lib/session/session.ts";
import type { SessionPatterns, SessionSettings } from "../../lib/session/settings.ts";
import { loadParser } from "../../lib/sql/parser.ts";
import type { PgpoolCommand } from "../../lib/sql/pgpool-commands.ts";
import { StatementCache } from "../../lib/sql/template.ts";
import * as build from "../../lib/wire/build.ts";
import { Backend, TransactionStatus } from "../../lib/wire/protocol.ts";
import { Frame, FrameReader } from "../../lib/wire/frames.ts";
import { parseErrorFields, text } from "../../lib/wire/read.ts";

await loadParser();
const statements = new StatementCache({ entries: 1000, maxBytes: 1_000_000 });

export const DEFAULTS: SessionSettings = {
  load_balance_mode: true,
  ignore_leading_white_space: true,
  allow_sql_comments: false,
  statement_level_load_balance: false,
  disable_load_balance_on_write: "transaction",
  prefer_lower_delay_standby: false,
  delay_threshold: 0,
  delay_threshold_by_time: 0,
  check_temp_table: "catalog",
  check_unlogged_table: true,
  log_statement: false,
  log_per_node_statement: false,
  notice_per_node_statement: false,
  log_client_messages: false,
  log_backend_messages: "none",
  client_min_messages: "notice",
};

const NO_PATTERNS: SessionPatterns = {
  userRules: [],
  databaseRules: [],
  applicationRules: [],
  readOnlyFunctions: [],
  writeFunctions: [],
  primaryRouting: [],
};

function node(id: number, weight: number): NodeState {
  return {
    id,
    hostname: "h",
    port: 5432 + id,
    status: "up",
    role: id === 0 ? "primary" : "standby",
    weight,
    replicationDelay: 0,
    delayByTime: false,
    replicationState: "",
    replicationSyncState: "",
    lastStatusChange: 0,
    serverVersion: 180000,
  };
}

/** Node 0 is the primary, node 1 a standby that takes all reads. */
export const CLUSTER: ClusterSnapshot = {
  generation: 1,
  nodes: [node(0, 0), node(1, 1)],
  primary: 0,
  main: 0,
  transition: "none",
};

/** A server that keeps what it is sent and answers what the test says. */
export class FakeServer implements ServerLink {
  readonly parameters = new Map<string, string>();
  readonly received: Uint8Array[] = [];
  released: string | undefined;

  constructor(
    readonly node: number,
    readonly pid: number,
    readonly onWrite: (node: number, bytes: Uint8Array) => void = () => {},
  ) {}

  write(bytes: Uint8Array): void {
    this.received.push(Uint8Array.from(bytes));
    this.onWrite(this.node, bytes);
  }

  release(state: "untouched" | "used" | "broken"): void {
    this.released = state;
  }
}

/** One letter a message, the text of a Query or Parse behind it: `Q select 1`. */
export function names(chunks: readonly Uint8Array[]): string[] {
  const reader = new FrameReader(1 << 30);
  const found: string[] = [];
  for (const chunk of chunks) {
    reader.feed(chunk);
    while (reader.next() === Frame.Whole) {
      const type = String.fromCharCode(reader.type);
      const body = text(reader.bytes, reader.start + 5, reader.end);
      const words = type === "Q" || type === "C" ? ` ${body.replaceAll("\0", "")}` : "";
      found.push(type + words);
    }
  }
  return found;
}

/** What the catalog says of the first function that was asked for. */
export const VOLATILE = ["f", "0", null, null, null, "f", "t"];

/** Answers a catalog lookup: default isolation, then these facts. */
export function lookupAnswer(...facts: readonly (string | null)[][]): Uint8Array {
  return Buffer.concat([
    build.rowDescription([{ name: "current_setting" }]),
    build.dataRow(["read committed"]),
    ...facts.map((fact) => build.dataRow(fact)),
    build.commandComplete("SELECT 1"),
    build.readyForQuery(TransactionStatus.Idle),
  ]);
}

/** The reply to a statement that has no rows. */
export function done(tag: string, status: number = TransactionStatus.Idle): Uint8Array {
  return Buffer.concat([build.commandComplete(tag), build.readyForQuery(status)]);
}

export function failed(sqlstate: string, status: number = TransactionStatus.Idle): Uint8Array {
  return Buffer.concat([
    build.errorResponse({ severity: "ERROR", sqlstate, message: "no" }),
    build.readyForQuery(status),
  ]);
}

export const PARSED: Uint8Array = build.message(Backend.ParseComplete);
export const COPY_IN: Uint8Array = build.message(
  Backend.CopyInResponse,
  Uint8Array.of(0),
  build.int16(0),
);
export const BOUND: Uint8Array = build.message(Backend.BindComplete);

/** A session with fake servers; connections to the standby open at once unless told otherwise. */
export class Harness implements SessionPort {
  readonly session: Session;
  readonly servers: (FakeServer | undefined)[] = [];
  readonly sent: Uint8Array[] = [];
  readonly commands: PgpoolCommand[] = [];
  readonly complaints: string[] = [];
  readonly counted: string[] = [];
  /** Nodes, and the milliseconds that they took for a statement. */
  readonly took: [number, number][] = [];
  /** What the session's clock shows, in milliseconds. */
  now = 0;
  readonly logged: string[] = [];
  clientEnded = false;
  paused = false;
  refuseNode = -1;
  isVerdictDue = false;
  readonly gate = { closed: false };
  mayWait = true;
  /** How often the session has said that nothing runs in it any more. */
  settledTimes = 0;
  /** Hears of everything that is sent to a server. */
  onWrite: (node: number, bytes: Uint8Array) => void = () => {};
  /** Node on which every server process is found. */
  locatedOn = -1;

  /** @param shared what other sessions of the worker have learned from the catalog. */
  constructor(
    settings: Partial<SessionSettings> = {},
    snapshot: ClusterSnapshot = CLUSTER,
    shared = new SharedKnowledge(100, 0, () => 0),
  ) {
    const all = { ...DEFAULTS, ...settings };
    const scope = { database: "d", user: "u", searchPath: "" };
    const knowledge = new ReadKnowledge(shared, () => all, () => NO_PATTERNS, "key", scope);
    const router = new Router({
      settings: () => all,
      streaming: true,
      verdict: knowledge.verdict,
      defaultSerializable: knowledge.defaultSerializable,
      choose: (current, avoid) =>
        chooseLoadBalanceNode({
          snapshot: current,
          enabled: true,
          streaming: true,
          user: "u",
          database: "d",
          applicationName: "",
          userRules: [],
          databaseRules: [],
          applicationRules: [],
          preferLowerDelay: false,
          delayThreshold: 0,
          delayThresholdByTime: 0,
          avoid,
        }, () => 0.5),
    }, snapshot);
    this.session = new Session({
      port: this,
      statements,
      router,
      knowledge,
      gate: this.gate,
      mayWaitForPrimary: () => this.mayWait,
    });
    const first = this.#server(router.primary);
    this.servers[first.node] = first;
    this.session.adopt(first);
  }

  /** Messages a server has been sent since the last call. */
  got(at: number): string[] {
    return names(this.servers[at]?.received.splice(0) ?? []);
  }

  /** Messages the client has been sent since the last call. */
  seen(): string[] {
    return names(this.sent.splice(0));
  }

  /** SQLSTATEs of the errors that the client has been sent since the last call. */
  errors(): string[] {
    const reader = new FrameReader(1 << 30);
    reader.feed(Buffer.concat(this.sent.splice(0)));
    const codes: string[] = [];
    while (reader.next() === Frame.Whole) {
      if (reader.type !== Backend.ErrorResponse) continue;
      const body = reader.bytes.subarray(reader.start + 5, reader.end);
      codes.push(parseErrorFields(body).get("C") ?? "");
    }
    return codes;
  }

  client(...messages: Uint8Array[]): void {
    this.session.clientData(Buffer.concat(messages));
  }

  server(at: number, ...messages: Uint8Array[]): void {
    this.session.serverData(at, Buffer.concat(messages));
  }

  toClient(bytes: Uint8Array): void {
    this.sent.push(Uint8Array.from(bytes));
  }

  endClient(): void {
    this.clientEnded = true;
  }

  pauseClient(): void {
    this.paused = true;
  }

  resumeClient(): void {
    this.paused = false;
  }

  openServer(at: number): void {
    queueMicrotask(() => {
      if (at === this.refuseNode) {
        const error = { severity: "FATAL", sqlstate: "08006", message: "no" };
        this.session.serverUnavailable(at, { error, isVerdictDue: this.isVerdictDue });
        return;
      }
      const server = this.#server(at);
      this.servers[at] = server;
      this.session.serverOpened(server);
    });
  }

  #server(at: number): FakeServer {
    return new FakeServer(at, 100 + at, (node, bytes) => this.onWrite(node, bytes));
  }

  runCommand(command: PgpoolCommand): void {
    this.commands.push(command);
  }

  commandDone(result: CommandResult): void {
    this.session.commandDone(result);
  }

  locateBackend(pid: number): void {
    queueMicrotask(() => this.session.backendLocated(pid, this.locatedOn));
  }

  closeIdleConnections(): void {}

  settled(): void {
    this.settledTimes++;
  }

  complain(at: number, complaint: string): void {
    this.complaints.push(`${at} ${complaint}`);
  }

  countStatement(at: number, kind: string): void {
    this.counted.push(`${at} ${kind}`);
  }

  countError(): void {}

  statementTook(at: number, milliseconds: number): void {
    this.took.push([at, milliseconds]);
  }

  clock(): number {
    return this.now;
  }

  log(_severity: string, line: string): void {
    this.logged.push(line);
  }
}

/** Lets connections that were asked for open. */
export const opened: () => Promise<void> = () =>
  new Promise<void>((resolve) => queueMicrotask(() => resolve()));

/** A session that has already learned what the catalog says. */
export async function settled(harness = new Harness()): Promise<Harness> {
  harness.client(build.query("select 1"));
  harness.server(0, lookupAnswer());
  await opened();
  harness.server(1, done("SELECT 1"));
  harness.got(0);
  harness.got(1);
  harness.seen();
  return harness;
}
