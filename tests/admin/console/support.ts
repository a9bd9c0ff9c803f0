import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadConfig } from "../../../lib/config/load.ts";
import type { Config } from "../../../lib/config/config.ts";
import { serveConsole } from "../../../lib/admin/console/server.ts";
import { md5Hex } from "../../../lib/auth/md5.ts";
import { Logger } from "../../../lib/log/log.ts";
import { BaseStream } from "../../../lib/net/base-stream.ts";
import type { TlsInfo } from "../../../lib/net/stream.ts";
import { FailedAttempts } from "../../../lib/pcp/attempts.ts";
import type { ConsoleClient } from "../../../lib/pcp/console.ts";
import { PcpError, type PcpService } from "../../../lib/pcp/service.ts";
import type { NodeInfo } from "../../../lib/pcp/types.ts";
import { PcpUsers } from "../../../lib/pcp/users.ts";
import type { AdminTable } from "../../../lib/process/messages.ts";
import * as frontend from "../../support/frontend.ts";
import { tempDir } from "../../support/temp.ts";
import { type BackendMessage, transcript } from "../../support/transcript.ts";
import { waitFor } from "../../support/wait.ts";
import { STATISTICS } from "../metrics/statistics.ts";

export const PASSWORD = "secret";

/** A connection whose other end is the test. */
export class MemoryStream extends BaseStream {
  readonly remotePort = 5000;
  readonly isUnix = false;
  readonly #sent: Buffer[] = [];
  #read = 0;

  constructor(readonly remoteHost: string, tls: TlsInfo | undefined) {
    super();
    this.tls = tls;
  }

  /** Bytes of the client arrive. */
  give(bytes: Uint8Array): void {
    this.received(bytes);
  }

  /** The client has gone. */
  hangUp(): void {
    this.gone(undefined);
  }

  /** Everything sent to the client so far. */
  get output(): Buffer {
    return Buffer.concat(this.#sent);
  }

  /** Messages sent that have not been read yet; the last one may be of any type of these. */
  async readUntil(types: string): Promise<BackendMessage[]> {
    const messages = await waitFor(() => {
      const found = splitMessages(this.output.subarray(this.#read));
      const end = found.findIndex(({ type }) => types.includes(type));
      return end >= 0 ? found.slice(0, end + 1) : this.closed ? found : undefined;
    }, { what: `a message ${types}`, everyMs: 1, deadlineMs: 5000 });
    for (const { body } of messages ?? []) this.#read += 5 + body.length;
    return messages ?? [];
  }

  send(bytes: Uint8Array, offset: number, length: number): number {
    this.#sent.push(Buffer.from(bytes.subarray(offset, offset + length)));
    return length;
  }

  protected closeSocket(): void {
    this.gone(undefined);
  }

  protected abortSocket(): void {}
  protected pauseSocket(): void {}
  protected resumeSocket(): void {}
}

export function splitMessages(bytes: Buffer): BackendMessage[] {
  const messages: BackendMessage[] = [];
  let at = 0;
  while (at + 5 <= bytes.length) {
    const end = at + 1 + bytes.readInt32BE(at + 1);
    if (end > bytes.length) break;
    const type = String.fromCharCode(bytes.readUInt8(at));
    messages.push({ type, body: bytes.subarray(at + 5, end) });
    at = end;
  }
  return messages;
}

const VIEWS: Readonly<Record<string, AdminTable>> = {
  pool_version: { columns: ["pool_version"], rows: [["4.7.2 (tasukiboshi)"]] },
  pool_backend_stats: {
    columns: [],
    rows: [
      [
        "0",
        "db0",
        "5432",
        "up",
        "primary",
        "7",
        "1",
        "0",
        "0",
        "0",
        "9007199254740991",
        "0",
        "0",
        "0",
      ],
      ["1", "db1", "5433", "down", "standby", "70", "0", "0", "0", "0", "3", "0", "0", "0"],
      ["2", "DB2", "5434", "up", "standby", "8", "0", "0", "0", "0", "4", "0", "0", "0"],
    ],
  },
};

export function node(nodeId: number): NodeInfo {
  return {
    nodeId,
    hostname: `db${nodeId}`,
    port: 5432 + nodeId,
    status: "up",
    backendStatus: "up",
    weight: 0.5,
    role: nodeId === 0 ? "primary" : "standby",
    backendRole: nodeId === 0 ? "primary" : "standby",
    delayByTime: false,
    replicationDelay: nodeId * 100,
    replicationState: "",
    replicationSyncState: "",
    lastStatusChange: 1_700_000_000,
  };
}

/** A pool that writes down what it is asked to do, and does it. */
export function fakeService(done: string[]): PcpService {
  const act = (text: string) => {
    done.push(text);
    return Promise.resolve();
  };
  return {
    nodeCount: () => 2,
    nodeInfo: (id) => {
      const nodes = [node(0), node(1)].filter(({ nodeId }) => id === "all" || id === nodeId);
      if (nodes.length > 0) return Promise.resolve(nodes);
      const options = { detail: `invalid node ID : ${id}` };
      return Promise.reject(new PcpError("informing node info failed", options));
    },
    healthCheckStats: () => {
      throw new TypeError("a fault of pgpool's own");
    },
    processIds: () => [101, 102],
    processInfo: () => Promise.resolve([]),
    poolStatus: () => [{ name: "port", value: "9999", description: "Port." }],
    activity: () => Promise.resolve({ statistics: STATISTICS, sessions: [] }),
    watchdogInfo: () => {
      throw new PcpError("watchdog is not enabled", { severity: "fatal", hint: "none" });
    },
    attachNode: (id) => act(`attach ${id}`),
    detachNode: (id, gracefully) => act(`detach ${id}${gracefully ? " gracefully" : ""}`),
    switchOver: () => Promise.reject(new PcpError("switchover failed")),
    promoteNode: (id, options) => act(`promote ${id} ${JSON.stringify(options)}`),
    recoverNode: async (id, progress) => {
      progress("first stage", `node ${id}`);
      await act(`recover ${id}`);
    },
    reloadConfig: (scope) => act(`reload ${scope}`),
    rotateLog: (scope) => act(`rotate ${scope}`),
    invalidateQueryCache: () => act("invalidate"),
    stop: (mode, scope) => act(`stop ${mode} ${scope}`),
  };
}

export interface ConsoleOptions {
  /** Text of pcp.conf; by default `admin` with {@link PASSWORD}. */
  readonly pcp?: string;
  /** Address of the client, the loopback by default. */
  readonly from?: string;
  readonly tls?: boolean;
  readonly attempts?: FailedAttempts;
  readonly logAll?: boolean;
}

const TLS: TlsInfo = {
  version: "TLSv1.3",
  cipher: "",
  alpn: undefined,
  peerCertificate: undefined,
  commonName: undefined,
  distrust: undefined,
};

/** One connection of a client to an administration port that is there in memory only. */
export class TestConsole {
  readonly stream: MemoryStream;
  /** What the pool was told to do. */
  readonly done: string[] = [];
  readonly log: string[] = [];
  /** Resolved when the connection is over. */
  readonly ended: Promise<void>;

  /** @param startup the startup packet, and what may come right behind it. */
  constructor(startup: Uint8Array, options: ConsoleOptions = {}) {
    const { pcp, from = "127.0.0.1", tls = false, attempts, logAll = false } = options;
    this.stream = new MemoryStream(from, tls ? TLS : undefined);
    const client: ConsoleClient = {
      stream: this.stream,
      received: startup,
      loginMs: 10_000,
      channelBinding: undefined,
      users: () => PcpUsers.parse(pcp ?? `admin:${md5Hex(PASSWORD)}\n`),
      attempts: attempts ?? new FailedAttempts(() => 0),
      service: fakeService(this.done),
      show: (view) => Promise.resolve(VIEWS[view] ?? { columns: [], rows: [] }),
      config: () => configOf(logAll),
      logger: new Logger({ level: "warning", sinks: [this.#sink()] }),
      onLogin: () => {},
    };
    this.ended = serveConsole(client);
  }

  /** Logs in with the password, and reads all that comes. */
  static async login(options: ConsoleOptions = {}): Promise<TestConsole> {
    const parameters = { user: "admin", database: "pgpool", timezone: "UTC" };
    const console = new TestConsole(frontend.startup(parameters), options);
    await console.stream.readUntil("R");
    await console.exchange(frontend.password(PASSWORD));
    return console;
  }

  /** Sends, and gives what comes up to ReadyForQuery. */
  async exchange(...parts: readonly Uint8Array[]): Promise<string[]> {
    this.stream.give(Buffer.concat(parts));
    return transcript(await this.stream.readUntil("Z"));
  }

  /** The messages after a simple query, without ReadyForQuery. */
  async query(text: string): Promise<string[]> {
    return (await this.exchange(frontend.query(text))).slice(0, -1);
  }

  #sink() {
    return {
      write: (_record: unknown, text: () => string) => void this.log.push(text().trimEnd()),
      flush: () => {},
      close: () => {},
    };
  }
}

const configs = new Map<boolean, Config>();

function configOf(logAll: boolean): Config {
  const known = configs.get(logAll);
  if (known !== undefined) return known;
  const file = join(tempDir(), "pgpool.conf");
  writeFileSync(file, `log_pcp_processes = ${logAll ? "on" : "off"}\n`);
  const { config } = loadConfig(file);
  configs.set(logAll, config);
  return config;
}
