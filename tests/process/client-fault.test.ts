import { describe, expect, it } from "bun:test";
import { Logger } from "../../lib/log/log.ts";
import type { ByteStream } from "../../lib/net/stream.ts";
import { MessageStream } from "../../lib/pool/message-stream.ts";
import { type ConnectionKey, ServerConnection } from "../../lib/pool/server-connection.ts";
import { ServerParameters } from "../../lib/pool/server-parameters.ts";
import { Client } from "../../lib/process/client/client.ts";
import { Clients } from "../../lib/process/client/clients.ts";
import type { SupervisorPort } from "../../lib/process/client/worker-context.ts";
import { figureCells, SharedFigures } from "../../lib/process/statistics/figures.ts";
import { load } from "../config/support.ts";
import { MemorySink } from "../log/support.ts";
import { CLUSTER, done, lookupAnswer, names } from "../session/harness.ts";
import * as frontend from "../support/frontend.ts";
import { waitFor } from "../support/wait.ts";

const FAULT = new Error("a fault of pgpool's own");
const KEY: ConnectionKey = { database: "d", user: "u", minor: 0, options: [] };

/** A connection whose other end is the test. */
class FakeStream implements ByteStream {
  readonly remoteHost = "127.0.0.1";
  readonly remotePort = 4711;
  readonly isUnix = false;
  readonly tls = undefined;
  readonly buffered = 0;
  readonly sent: Uint8Array[] = [];
  closed = false;
  onData: (chunk: Uint8Array) => void = () => {};
  onDrain: () => void = () => {};
  onClose: (error?: Error) => void = () => {};

  write(bytes: Uint8Array): void {
    this.sent.push(bytes);
  }

  /** Messages written since the last call. */
  took(): string[] {
    return names(this.sent.splice(0));
  }

  flush(): void {}
  pause(): void {}
  resume(): void {}

  end(): void {
    this.closed = true;
  }

  destroy(): void {
    this.closed = true;
  }
}

const supervisor: SupervisorPort = {
  complain: () => {},
  nodeUsed: () => {},
  passCancel: () => {},
  gateQuiet: () => {},
  closeIdle: () => {},
  askAdmin: () => Promise.reject(FAULT),
  locate: () => Promise.reject(FAULT),
};

/** A client that reads from the standby, in a worker where nothing beyond the primary works. */
function setUp() {
  const log = new MemorySink();
  const logger = new Logger({ level: "info", prefix: "", sinks: [log] });
  const { config } = load(
    "backend_port0 = 5432\nbackend_weight0 = 0\nbackend_port1 = 5433\nbackend_weight1 = 1\n",
  );
  const clients = new Clients({
    workers: 1,
    logger,
    figures: new SharedFigures(new Float64Array(figureCells(1)), 1),
    config,
    snapshot: CLUSTER,
    gate: { kind: "open" },
    loggingIn: () => 0,
    serverTls: () => {
      throw FAULT;
    },
    supervisor,
    onEnded: () => {},
  });
  const [stream, server] = [new FakeStream(), new FakeStream()];
  const request = {
    user: "u",
    database: "d",
    applicationName: "test",
    minor: 0,
    unknownOptions: [],
    options: [],
  };
  const messages = new MessageStream(stream, 0, 1000);
  const client = new Client(1, messages, request, { kind: "none" }, KEY, clients);
  const connection = new ServerConnection(
    0,
    KEY,
    server,
    100,
    new Uint8Array(4),
    0,
    new ServerParameters(new Map()),
    undefined,
    "test",
  );
  client.start(connection, messages);
  stream.took();
  return { log, stream, server };
}

describe("a fault of pgpool's own", () => {
  it("while a SHOW command runs is told to its client, which goes on", async () => {
    const { log, stream, server } = setUp();
    stream.onData(frontend.query("SHOW POOL_NODES"));
    await waitFor(() => stream.sent.length > 0, { what: "the answer" });
    expect(Buffer.concat(stream.sent).toString("latin1")).toContain(FAULT.message);
    expect(stream.took()).toEqual(["E", "Z"]);
    expect(log.lines).toEqual([
      "ERROR:  unexpected error in a session",
      `DETAIL:  ${FAULT.message}`,
    ]);
    stream.onData(frontend.query("CREATE TABLE t ()"));
    expect(server.took()).toEqual(["Q CREATE TABLE t ()"]);
    server.onData(done("CREATE TABLE"));
    expect(stream.took()).toEqual(["C CREATE TABLE", "Z"]);
    expect(stream.closed).toBe(false);
  });

  it("while the connection to a standby is opened sends the read to the primary", async () => {
    const { log, stream, server } = setUp();
    stream.onData(frontend.query("SELECT 1"));
    expect(server.took()[0]).toStartWith("Q SELECT pg_catalog.current_setting");
    server.onData(lookupAnswer());
    await waitFor(() => server.sent.length > 0, { what: "the read at the primary" });
    expect(server.took()).toEqual(["Q SELECT 1"]);
    expect(log.lines).toContain(`DETAIL:  ${FAULT.message}`);
    server.onData(done("SELECT 1"));
    expect(stream.took()).toEqual(["C SELECT 1", "Z"]);
  });

  it("while the node of a process is looked for does not keep its client waiting", async () => {
    const { log, stream, server } = setUp();
    stream.onData(frontend.query("SELECT pg_terminate_backend(4711)"));
    await waitFor(() => log.lines.length > 0, { what: "the fault in the log" });
    await waitFor(() => server.sent.length > 0, { what: "the statement at the primary" });
    expect(server.took().at(-1)).toStartWith("Q SELECT pg_terminate_backend");
    expect(stream.closed).toBe(false);
  });
});
