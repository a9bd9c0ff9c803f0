/** What a client of the PCP port may do, and what it can not do to others. */
import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { md5Hex } from "../../lib/auth/md5.ts";
import { buildVerifier, formatVerifier } from "../../lib/auth/scram.ts";
import { connectPcp, PcpClientError, type PcpConnectOptions } from "../../lib/pcp/client.ts";
import { hashAnswer } from "../../lib/pcp/login.ts";
import { encodeRequest } from "../../lib/pcp/requests.ts";
import * as frontend from "../support/frontend.ts";
import { waitFor } from "../support/wait.ts";
import { TestPgpool } from "./support.ts";

const VERIFIER = formatVerifier(buildVerifier("scram secret", Buffer.alloc(16, 3)));
const PCP = `admin:${md5Hex("secret")}\nscram:${VERIFIER}\n`;

let pgpool: TestPgpool;

beforeAll(async () => {
  pgpool = await TestPgpool.start({ authentication_timeout: 2, log_pcp_processes: true });
  writeFileSync(join(pgpool.dir, "pcp.conf"), PCP);
});

afterAll(async () => {
  await pgpool?.[Symbol.asyncDispose]();
});

function options(more: Partial<PcpConnectOptions> = {}): PcpConnectOptions {
  return { host: "127.0.0.1", port: pgpool.pcpPort, user: "admin", password: "secret", ...more };
}

/** An administrator is served, and soon. */
async function isServed(): Promise<boolean> {
  const connection = await connectPcp(options({ connectTimeout: 5000, requestTimeout: 5000 }));
  const count = await connection.nodeCount();
  await connection.close();
  return count === 1;
}

async function failureOf(more: Partial<PcpConnectOptions>): Promise<PcpClientError> {
  try {
    await (await connectPcp(options(more))).close();
  } catch (error) {
    if (error instanceof PcpClientError) return error;
    throw error;
  }
  throw new Error("the login succeeded");
}

/** A bare connection, and all that came back on it. */
class Bare implements Disposable {
  received = Buffer.alloc(0);
  isClosed = false;
  readonly socket: Socket;

  constructor(place: { port: number; host: string } | string) {
    this.socket = typeof place === "string" ? connect(place) : connect(place);
    this.socket.on("data", (chunk: Buffer) => {
      this.received = Buffer.concat([this.received, chunk]);
    });
    this.socket.on("error", () => {});
    this.socket.on("close", () => this.isClosed = true);
  }

  static toPort(): Bare {
    return new Bare({ port: pgpool.pcpPort, host: "127.0.0.1" });
  }

  async closed(deadlineMs = 10_000): Promise<string> {
    await waitFor(() => this.isClosed, { what: "the connection to be closed", deadlineMs });
    return this.received.toString("latin1");
  }

  /** Logs in as Pgpool-II's own client does. */
  async logIn(): Promise<void> {
    this.socket.write(encodeRequest({ kind: "salt", user: "", mechanisms: [] }));
    await waitFor(() => this.received.length >= 9, { what: "a salt" });
    const hash = hashAnswer(md5Hex("secret"), "admin", this.received.subarray(5, 9));
    this.socket.write(encodeRequest({ kind: "authenticate", user: "admin", hash }));
    await waitFor(() => this.received.includes("AuthenticationOK"), { what: "the login" });
    this.received = Buffer.alloc(0);
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}

describe("the PCP port", () => {
  it("is there on TCP and as a Unix socket that everybody may use", async () => {
    expect(await isServed()).toBe(true);
    await pgpool.waitForLog(/ pcp_child pid \d+: LOG: {2}PCP user "admin" has logged in/);
    const socket = join(pgpool.dir, `.s.PGSQL.${pgpool.pcpPort}`);
    expect(statSync(socket).mode & 0o777).toBe(0o777);
    const connection = await connectPcp(options({ host: pgpool.dir }));
    expect(await connection.nodeCount()).toBe(1);
    await connection.close();
  });

  it("lets users with a SCRAM verifier in, and reads pcp.conf at every login", async () => {
    const connection = await connectPcp(options({ user: "scram", password: "scram secret" }));
    await connection.close();
    writeFileSync(join(pgpool.dir, "pcp.conf"), `${PCP}late:${md5Hex("new")}\n`);
    await (await connectPcp(options({ user: "late", password: "new" }))).close();
    writeFileSync(join(pgpool.dir, "pcp.conf"), PCP);
    expect((await failureOf({ user: "late", password: "new" })).message)
      .toBe('authentication failed for user "late"');
  });

  it("logs who asks for what, and never a password", async () => {
    await isServed();
    await pgpool.waitForLog(
      /LOG: {2}PCP: number of nodes requested by user "admin" from 127\.0\.0\.1:\d+/,
    );
    await failureOf({ password: "a very wrong one" });
    await pgpool.waitForLog(
      /FATAL: {2}authentication failed for user "admin"\n.*PCP client: 127\.0\.0\.1:\d+/,
    );
    expect(pgpool.log()).not.toMatch(/secret|very wrong|[0-9a-f]{32}/);
  });

  it("writes no line of the log that a client has made up", async () => {
    await failureOf({ user: "x\nLOG:  all is well" });
    await pgpool.waitForLog(/authentication failed for user "x\?LOG: {2}all is well"/);
  });

  it("is honest about what is not there", async () => {
    const connection = await connectPcp(options());
    const failures = [
      connection.watchdogInfo("all"),
      connection.invalidateQueryCache(),
      connection.rotateLog(),
      connection.nodeInfo(7),
      connection.processInfo(1),
      connection.healthCheckStats(9),
      connection.attachNode(128),
      connection.detachNode(9),
    ].map((asked) =>
      asked.then(() => "done", (error: PcpClientError) => [error.kind, error.message, error.detail])
    );
    expect(await Promise.all(failures)).toEqual([
      ["refused", "PCP: informing watchdog info failed", "watchdog is not enabled"],
      ["refused", "query cache is not enabled", ""],
      ["refused", "process log rotation request failed", "logging_collector is disabled"],
      ["unknown", "informing node info failed", "invalid node ID : 7"],
      ["unknown", "informing process info failed", "invalid process ID : 1"],
      ["unknown", "informing health check stats info failed", "invalid node ID 9"],
      [
        "unknown",
        "invalid failback request, node id: 128 is out of range. node id must be between [0 and 128]",
        "",
      ],
      [
        "unknown",
        "invalid degenerate backend request, node id : 9 status: [0] is not valid for failover",
        "",
      ],
    ]);
    await connection.close();
  });

  it("lists the workers as the pool's processes", async () => {
    const connection = await connectPcp(options());
    expect([...await connection.processIds()].sort()).toEqual(pgpool.workers().sort());
    const [pid = 0] = await connection.processIds();
    const rows = await connection.processInfo(pid);
    expect(new Set(rows.map(({ poolPid }) => poolPid))).toEqual(new Set([pid]));
    await connection.close();
  });

  it("has configuration files read again", async () => {
    const connection = await connectPcp(options());
    await connection.reloadConfig();
    await pgpool.waitForLog(/LOG: {2}reload config files/);
    await connection.close();
  });
});

describe("the PCP port, with clients that mean no good,", () => {
  it.each([
    ["a browser", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", /invalid PCP packet/],
    ["somebody who sends noise", "\x01\x02\x03\x04\x05\x06", /invalid PCP packet/],
    ["a length of four gigabytes", "M\xff\xff\xff\xff", /invalid PCP packet/],
    ["a request before the login", "L\0\0\0\x04", /connection not authorized/],
    ["a startup packet of nonsense", "\0\0\0\x09\0\x03\0\0x", /^$/],
    ["a startup packet without end", "\0\x7f\xff\xff\0\0\0\0", /^$/],
  ])("closes the connection of %s", async (_who, bytes, answer) => {
    using client = Bare.toPort();
    client.socket.write(bytes, "latin1");
    expect(await client.closed()).toMatch(answer);
    expect(await isServed()).toBe(true);
  });

  it("closes connections that do not log in within authentication_timeout", async () => {
    using silent = Bare.toPort();
    using half = Bare.toPort();
    half.socket.write("M\0\0");
    using salted = Bare.toPort();
    salted.socket.write("M\0\0\0\x04");
    await Promise.all([silent, half, salted].map((client) => client.closed(8000)));
    await pgpool.waitForLog(/The client took too long for its login/);
  });

  it("serves administrators while hundreds of connections say nothing", async () => {
    const idle = Array.from({ length: 400 }, () => Bare.toPort());
    await waitFor(() => idle.some(({ isClosed }) => isClosed), { what: "room to be made" });
    expect(await isServed()).toBe(true);
    idle.forEach(({ socket }) => socket.destroy());
  });

  it("refuses more than 128 administrators at once, and says so", async () => {
    const all = await Promise.all(
      Array.from({ length: 128 }, () => connectPcp(options({ tls: "disable" }))),
    );
    expect(await failureOf({ tls: "disable" })).toMatchObject({
      kind: "refused",
      message: "too many PCP connections",
    });
    await Promise.all(all.map((connection) => connection.close()));
    await waitFor(isServed, { what: "room for another" });
  });

  it("slows down who guesses, and refuses many guesses at once", async () => {
    // The Unix socket has an address of its own: nobody else of this file is slowed down.
    const guess = () => failureOf({ host: pgpool.dir, password: "guess" });
    for (let count = 0; count < 3; count++) await guess();
    const began = performance.now();
    await guess();
    expect(performance.now() - began).toBeGreaterThanOrEqual(490);
    // Those that are held back, for 15 seconds all in all, are not waited for.
    const outcomes: string[] = [];
    for (let count = 0; count < 12; count++) {
      void guess().then(({ detail }) => outcomes.push(detail));
    }
    const refused = () => outcomes.filter((text) => text.startsWith("too many failed attempts"));
    await waitFor(() => refused().length >= 6, { what: "refusals" });
    expect(await isServed()).toBe(true);
  });

  it("serves others while one asks a hundred thousand things at once", async () => {
    using busy = Bare.toPort();
    await busy.logIn();
    const count = encodeRequest({ kind: "node-count" });
    busy.socket.write(Buffer.concat(Array<Uint8Array>(100_000).fill(count)));
    await waitFor(() => busy.received.length > 0, { what: "the first answers" });
    expect(await isServed()).toBe(true);
    expect(busy.received.length).toBeLessThan(100_000 * 23);
  });

  it("keeps no more than it must of who asks and never listens", async () => {
    using greedy = Bare.toPort();
    await greedy.logIn();
    greedy.socket.pause();
    const flood = Buffer.concat(
      Array.from({ length: 2000 }, () => encodeRequest({ kind: "pool-status" })),
    );
    for (let count = 0; count < 20; count++) greedy.socket.write(flood);
    const status = () => readFileSync(`/proc/${pgpool.pid}/status`, "utf8");
    const memory = () => Number(/VmRSS:\s+(\d+)/.exec(status())?.[1]);
    const before = memory();
    for (let count = 0; count < 10; count++) expect(await isServed()).toBe(true);
    expect(memory() - before).toBeLessThan(100_000);
  });

  it("asks PostgreSQL clients for a password in their own protocol, and not for ever", async () => {
    using client = Bare.toPort();
    client.socket.write(frontend.startup({ user: "scram", database: "postgres" }));
    await waitFor(() => client.received.toString().startsWith("R"), { what: "a question" });
    await client.closed(8000);
  });

  it("answers requests for encryption that is not configured with no", async () => {
    using client = Bare.toPort();
    client.socket.write(frontend.sslRequest);
    await waitFor(() => client.received.toString() === "N", { what: "the answer N" });
    client.socket.write("M\0\0\0\x04");
    await waitFor(() => client.received.length === 10, { what: "a salt" });
    expect((await failureOf({ tls: "require" })).message).toBe("the server does not offer TLS");
  });
});

it("stops pgpool, and answers before that", async () => {
  await using other = await TestPgpool.start();
  writeFileSync(join(other.dir, "pcp.conf"), PCP);
  const connection = await connectPcp(options({ port: other.pcpPort }));
  await connection.stop("fast");
  expect(await other.exit()).toBe(0);
  expect(other.log()).toMatch(/fast stop requested by user "admin"[^]*shutting down by signal 2/);
});

it("stops pgpool smartly when no change of nodes is under way, and otherwise at once", async () => {
  // Nobody answers at the node's port, and the command for that takes its time.
  await using other = await TestPgpool.launch({ failover_command: "sleep 60" });
  writeFileSync(join(other.dir, "pcp.conf"), PCP);
  await other.waitForLog(/execute command/);
  const connection = await connectPcp(options({ port: other.pcpPort }));
  const refused = connection.stop("smart").then(() => undefined, (error: PcpClientError) => error);
  expect(await refused).toMatchObject({ kind: "refused", detail: "failover is in progress" });
  await connection.stop("immediate");
  expect(await other.exit()).toBe(0);
});
