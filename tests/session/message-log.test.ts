import { describe, expect, it } from "bun:test";
import * as build from "../../lib/wire/build.ts";
import { Backend, TransactionStatus } from "../../lib/wire/protocol.ts";
import {
  BackendMessageLog,
  ClientMessageLog,
  describeClientMessage,
} from "../../lib/session/message-log.ts";
import * as frontend from "../support/frontend.ts";
import { BOUND, Harness, lookupAnswer, PARSED } from "./harness.ts";

const opened = () => new Promise<void>((resolve) => queueMicrotask(() => resolve()));
const READY = build.readyForQuery(TransactionStatus.Idle);

function described(message: Uint8Array): string {
  const { kind, detail } = describeClientMessage(message[0], message, 0, message.length);
  return detail === undefined ? kind : `${kind} ${detail}`;
}

describe("log_client_messages", () => {
  it("names every message and what it says", () => {
    expect(described(frontend.query("select 1"))).toBe('Query query: "select 1"');
    expect(described(frontend.parse("select $1", "s"))).toBe(
      'Parse statement: "s", query: "select $1"',
    );
    expect(described(frontend.bind({ portal: "p", statement: "s" }))).toBe(
      'Bind portal: "p", statement: "s"',
    );
    expect(described(frontend.describeStatement("s"))).toBe('Describe statement: "s"');
    expect(described(frontend.describePortal("p"))).toBe('Describe portal: "p"');
    expect(described(frontend.closeStatement("s"))).toBe('Close statement: "s"');
    expect(described(frontend.closePortal("p"))).toBe('Close portal: "p"');
    expect(described(frontend.execute("p"))).toBe('Execute portal: "p"');
    expect(described(frontend.functionCall(1598, []))).toBe('FunctionCall oid: "1598"');
    expect(described(frontend.copyDone)).toBe("CopyDone");
    expect(described(frontend.copyFail("why"))).toBe("CopyFail");
    expect(described(frontend.flush)).toBe("Flush");
    expect(described(frontend.sync)).toBe("Sync");
    expect(described(frontend.terminate)).toBe("Terminate");
  });

  it("counts the data of a COPY", () => {
    const lines: string[] = [];
    const log = new ClientMessageLog((text, detail = "") => lines.push(text, detail));
    for (const message of [frontend.copyData("a"), frontend.copyData("b"), frontend.copyDone]) {
      log.message(message[0], message, 0, message.length);
    }
    expect(lines).toEqual([
      "CopyData message from frontend.",
      "count: 2",
      "CopyDone message from frontend.",
      "",
    ]);
  });

  it("tells of commands of pgpool's own with log_statement, too", () => {
    const harness = new Harness({ log_statement: true });
    harness.client(frontend.query("PGPOOL SHOW port;"));
    expect(harness.logged).toEqual(["statement: PGPOOL SHOW port;"]);
  });

  it("tells of a message once, however often it has to wait", async () => {
    const harness = new Harness({ log_client_messages: true });
    harness.client(frontend.query("select 1"), frontend.query("select 2"));
    harness.server(0, lookupAnswer());
    await opened();
    harness.server(1, build.commandComplete("SELECT 1"), READY);
    expect(harness.logged).toEqual([
      "Query message from frontend.",
      "Query message from frontend.",
    ]);
  });
});

describe("log_backend_messages", () => {
  const rows = [build.dataRow(["1"]), build.dataRow(["2"]), build.dataRow(["3"])];
  const result = [
    build.rowDescription([{ name: "a" }]),
    ...rows,
    build.commandComplete("SELECT 3"),
    READY,
  ];

  it("counts what repeats when it is terse, for each server", () => {
    const lines: string[] = [];
    const log = new BackendMessageLog((text) => lines.push(text));
    for (const node of [0, 0, 1, 0]) log.message(node, Backend.DataRow, true);
    log.message(0, Backend.CommandComplete, true);
    log.flush();
    expect(lines).toEqual([
      "DataRow message from backend 0",
      "DataRow message from backend 1",
      "last DataRow message from backend 0 repeated 2 times",
      "CommandComplete message from backend 0",
    ]);
  });

  it("tells all when it is verbose, and nothing of pgpool's own queries", async () => {
    const harness = new Harness({ log_backend_messages: "verbose" });
    harness.client(frontend.query("select 1"));
    harness.server(0, lookupAnswer());
    await opened();
    harness.server(1, ...result);
    expect(harness.logged).toEqual([
      "RowDescription message from backend 1",
      "DataRow message from backend 1",
      "DataRow message from backend 1",
      "DataRow message from backend 1",
      "CommandComplete message from backend 1",
      "ReadyForQuery message from backend 1",
    ]);
    expect(harness.seen()).toEqual(["T", "D", "D", "D", "C SELECT 3", "Z"]);
  });

  it("shows the client what its client_min_messages asks for, in the right places", async () => {
    const harness = new Harness({ log_backend_messages: "terse", client_min_messages: "log" });
    harness.client(frontend.query("select 1"));
    harness.server(0, lookupAnswer());
    await opened();
    harness.seen();
    harness.server(1, ...result);
    expect(harness.seen()).toEqual([
      "N",
      "T",
      "N",
      "D",
      "D",
      "D",
      "N",
      "N",
      "C SELECT 3",
      "N",
      "Z",
    ]);
  });
});

describe("log_per_node_statement", () => {
  it("tells of Parse, Bind and Execute", async () => {
    const harness = new Harness({ log_per_node_statement: true });
    harness.client(
      frontend.parse("select 1"),
      frontend.bind(),
      frontend.execute(),
      frontend.sync,
    );
    harness.server(0, lookupAnswer());
    await opened();
    harness.server(1, PARSED, BOUND, build.commandComplete("SELECT 1"), READY);
    // What pgpool itself asks the catalog is told as well.
    expect(harness.logged.shift()).toMatch(/^DB node id: 0 backend pid: 100 statement: SELECT/);
    expect(harness.logged).toEqual([
      "DB node id: 1 backend pid: 101 statement: Parse: select 1",
      "DB node id: 1 backend pid: 101 statement: Bind: select 1",
      "DB node id: 1 backend pid: 101 statement: Execute: select 1",
    ]);
  });
});
