import { connectSocket } from "./client-connect.ts";
import { logIn } from "./client-login.ts";
import { PcpSocket } from "./client-socket.ts";
import { PcpClientError, type PcpConnection, type PcpConnectOptions } from "./client-types.ts";
import type { PcpMessage } from "./messages.ts";
import { decodeNotice, type PcpNotice } from "./notices.ts";
import type { PoolActivity } from "./statistics.ts";
import {
  readActivity,
  readComplete,
  readHealthCheck,
  readNodeCount,
  readNodes,
  readPoolStatus,
  readProcesses,
  readProcessIds,
  readSwitchover,
  readWatchdog,
  type Reply,
  replyLetter,
} from "./replies-read.ts";
import { encodeRequest, type PcpRequest, type WorkRequest } from "./requests.ts";
import type {
  HealthCheckInfo,
  NodeInfo,
  PcpScope,
  PcpStopMode,
  PoolStatusItem,
  ProcessInfo,
  SwitchoverOptions,
  SwitchoverReport,
  WatchdogInfo,
} from "./types.ts";

/** Milliseconds for connecting and logging in when nobody says how many. */
const CONNECT_MS = 10_000;

/** Largest answer that is read, over all its messages, in bytes; the protocol has no limit. */
const MOST_ANSWER = 64 * 1024 * 1024;

/** Connects and logs in. @throws {PcpClientError} */
export async function openConnection(options: PcpConnectOptions): Promise<PcpConnection> {
  const deadline = performance.now() + (options.connectTimeout ?? CONNECT_MS);
  const socket = new PcpSocket(await connectSocket(options, deadline));
  const connection = new Connection(socket, options);
  try {
    await logIn(options, {
      channelBinding: socket.channelBinding,
      send: (request) => connection.send(request),
      receive: () => connection.receive(deadline),
    });
  } catch (error) {
    socket.destroy();
    throw error;
  }
  return connection;
}

class Connection implements PcpConnection {
  readonly #socket: PcpSocket;
  readonly #options: PcpConnectOptions;
  /** Requests are made one after another, whoever makes them. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(socket: PcpSocket, options: PcpConnectOptions) {
    this.#socket = socket;
    this.#options = options;
  }

  nodeCount(): Promise<number> {
    return this.#ask({ kind: "node-count" }, readNodeCount);
  }

  nodeInfo(node: number | "all"): Promise<readonly NodeInfo[]> {
    const first = node === "all" ? 0 : node;
    return this.#ask({ kind: "node-info", node }, (reply) => readNodes(reply, first));
  }

  healthCheckStats(node: number): Promise<HealthCheckInfo> {
    return this.#ask({ kind: "health-check-stats", node }, readHealthCheck);
  }

  processIds(): Promise<readonly number[]> {
    return this.#ask({ kind: "process-list" }, readProcessIds);
  }

  processInfo(pid: number | "all"): Promise<readonly ProcessInfo[]> {
    return this.#ask({ kind: "process-info", pid }, readProcesses);
  }

  poolStatus(): Promise<readonly PoolStatusItem[]> {
    return this.#ask({ kind: "pool-status" }, readPoolStatus);
  }

  activity(sessions = 20): Promise<PoolActivity> {
    return this.#ask({ kind: "activity", sessions }, readActivity);
  }

  watchdogInfo(index: number | "all"): Promise<WatchdogInfo> {
    return this.#ask({ kind: "watchdog-info", index }, readWatchdog);
  }

  attachNode(node: number): Promise<void> {
    return this.#ask({ kind: "attach-node", node }, readComplete);
  }

  detachNode(node: number, { gracefully = false } = {}): Promise<void> {
    return this.#ask({ kind: "detach-node", node, gracefully }, readComplete);
  }

  promoteNode(node: number, { gracefully = false, switchover = false } = {}): Promise<void> {
    return this.#ask({ kind: "promote-node", node, gracefully, switchover }, readComplete);
  }

  switchOver(node: number, options: SwitchoverOptions): Promise<SwitchoverReport> {
    return this.#ask({ kind: "switchover", node, ...options }, readSwitchover);
  }

  recoverNode(node: number): Promise<void> {
    return this.#ask({ kind: "recover-node", node }, readComplete);
  }

  reloadConfig(scope: PcpScope = "local"): Promise<void> {
    return this.#ask({ kind: "reload-config", scope }, readComplete);
  }

  rotateLog(scope: PcpScope = "local"): Promise<void> {
    return this.#ask({ kind: "log-rotate", scope }, readComplete);
  }

  invalidateQueryCache(): Promise<void> {
    return this.#ask({ kind: "invalidate-query-cache" }, readComplete);
  }

  stop(mode: PcpStopMode = "smart", scope: PcpScope = "local"): Promise<void> {
    return this.#ask({ kind: "stop", mode, scope }, readComplete);
  }

  async close(): Promise<void> {
    await this.#socket.end(encodeRequest({ kind: "disconnect" }));
  }

  send(request: PcpRequest): void {
    const bytes = encodeRequest(request);
    this.#trace("send", String.fromCharCode(bytes[0]), bytes.length - 1, request.kind);
    this.#socket.send(bytes);
  }

  async receive(deadline: number): Promise<PcpMessage> {
    const message = await this.#socket.receive(deadline);
    this.#trace("recv", message.type, message.body.length + 4, "");
    return message;
  }

  async #ask<T>(request: WorkRequest, read: (reply: Reply) => Promise<T>): Promise<T> {
    const turn = this.#last.then(() => this.#exchange(request, read));
    this.#last = turn.catch(() => {});
    return await turn;
  }

  async #exchange<T>(request: WorkRequest, read: (reply: Reply) => Promise<T>): Promise<T> {
    const { requestTimeout = 0 } = this.#options;
    const deadline = requestTimeout === 0 ? Infinity : performance.now() + requestTimeout;
    const letter = replyLetter(request);
    let size = 0;
    this.send(request);
    try {
      return await read(async () => {
        const part = await this.#nextPart(letter, deadline);
        size += part.length;
        if (size <= MOST_ANSWER) return part;
        throw new PcpClientError("protocol", "the answer is too long");
      });
    } catch (error) {
      // What is left of a broken answer must not be taken for the answer to the next request.
      if (error instanceof PcpClientError && error.kind === "protocol") this.#socket.fail(error);
      throw error;
    }
  }

  /** The body of the next message of the answer. */
  async #nextPart(letter: string, deadline: number): Promise<Uint8Array> {
    for (;;) {
      const { type, body } = await this.receive(deadline);
      if (type === letter) return body;
      if (type === "E") throw refusal(decodeNotice(body));
      if (type !== "N") {
        throw new PcpClientError("protocol", `invalid PCP packet type ="${type}"`);
      }
      const { severity, message, detail } = decodeNotice(body);
      this.#options.onNotice?.({ severity, message, detail });
    }
  }

  #trace(what: "send" | "recv", type: string, length: number, kind: string): void {
    const more = kind === "" ? "" : ` (${kind})`;
    this.#options.trace?.(`DEBUG: ${what}: tos="${type}", len=${length}${more}`);
  }
}

/**
 * Servers say only in words that something does not exist; the words are those of
 * pcp-protocol.md 4 and 5.
 */
const UNKNOWN =
  /^(invalid (node|process) ID|invalid watchdog index|node id -?\d+ is not valid|stats data for node ID -?\d+ does not exist)|, node id: -?\d+ is out of range|status: \[0\] .*is (invalid|not valid) for/;

function refusal({ severity, message, detail, hint }: PcpNotice): PcpClientError {
  const isUnknown = UNKNOWN.test(detail) || UNKNOWN.test(message);
  return new PcpClientError(isUnknown ? "unknown" : "refused", message, severity, detail, hint);
}
