import { describe, expect, it } from "bun:test";
import { MAX_REQUEST_LENGTH, PcpReader } from "../../lib/pcp/messages.ts";
import { PcpError } from "../../lib/pcp/service.ts";
import { decodeRequest, encodeRequest, type PcpRequest } from "../../lib/pcp/requests.ts";

/** Bytes that were seen between Pgpool-II's own client and server, or that its rules make. */
const REQUESTS: readonly (readonly [hex: string, request: PcpRequest])[] = [
  ["4d 00000004", { kind: "salt", user: "", mechanisms: [] }],
  [
    "4d 00000014 61646d00 534352414d2d5348412d3100",
    { kind: "salt", user: "adm", mechanisms: ["SCRAM-SHA-1"] },
  ],
  ["52 0000000c 61646d00 61626300", { kind: "authenticate", user: "adm", hash: "abc" }],
  ["53 00000008 58 00 6e2c", { kind: "sasl", mechanism: "X", data: Buffer.from("n,") }],
  ["41 00000008 6100 6200", { kind: "set-parameter", name: "a", value: "b" }],
  ["42 00000004", { kind: "pool-status" }],
  ["43 00000006 3100", { kind: "attach-node", node: 1 }],
  ["44 00000006 3100", { kind: "detach-node", node: 1, gracefully: false }],
  ["64 00000006 3100", { kind: "detach-node", node: 1, gracefully: true }],
  ["46 00000004", { kind: "stop-recovery" }],
  ["47 00000004", { kind: "invalidate-query-cache" }],
  ["48 00000006 3000", { kind: "health-check-stats", node: 0 }],
  ["49 00000006 3000", { kind: "node-info", node: 0 }],
  ["49 00000007 2d3100", { kind: "node-info", node: "all" }],
  [
    "4a 00000008 3120006e",
    { kind: "promote-node", node: 1, gracefully: false, switchover: false },
  ],
  [
    "6a 00000009 3132200073",
    { kind: "promote-node", node: 12, gracefully: true, switchover: true },
  ],
  ["4c 00000004", { kind: "node-count" }],
  ["4e 00000004", { kind: "process-list" }],
  ["4f 00000006 3100", { kind: "recover-node", node: 1 }],
  ["50 00000006 3000", { kind: "process-info", pid: "all" }],
  ["50 00000009 3132333400", { kind: "process-info", pid: 1234 }],
  ["51 00000007 323000", { kind: "activity", sessions: 20 }],
  ["54 00000005 73", { kind: "stop", mode: "smart", scope: "local" }],
  ["74 00000005 69", { kind: "stop", mode: "immediate", scope: "cluster" }],
  ["56 00000005 6c", { kind: "log-rotate", scope: "local" }],
  ["57 00000006 3000", { kind: "watchdog-info", index: 0 }],
  ["57 00000007 2d3100", { kind: "watchdog-info", index: "all" }],
  ["58 00000004", { kind: "disconnect" }],
  [
    "59 0000000c 3100 35303000 6600",
    { kind: "switchover", node: 1, drainTimeout: 500, force: true },
  ],
  ["5a 00000005 6c", { kind: "reload-config", scope: "local" }],
  ["5a 00000005 63", { kind: "reload-config", scope: "cluster" }],
];

function bytesOf(hex: string): Buffer {
  return Buffer.from(hex.replaceAll(" ", ""), "hex");
}

function decode(bytes: Uint8Array): PcpRequest {
  const reader = new PcpReader(MAX_REQUEST_LENGTH);
  reader.feed(bytes);
  const message = reader.next();
  if (message === undefined) throw new Error("the message is not whole");
  return decodeRequest(message);
}

describe("PCP requests", () => {
  it.each(REQUESTS)("are these bytes: %s", (hex, request) => {
    expect(encodeRequest(request).toString("hex")).toBe(bytesOf(hex).toString("hex"));
    expect(decode(bytesOf(hex))).toEqual(request);
  });

  it("with numbers that are none mean 0, as in Pgpool-II", () => {
    expect(decode(bytesOf("43 00000007 787900"))).toEqual({ kind: "attach-node", node: 0 });
    expect(decode(bytesOf("43 00000004"))).toEqual({ kind: "attach-node", node: 0 });
  });

  it("of a type that nobody knows end the connection", () => {
    expect(() => decode(bytesOf("55 00000004"))).toThrow(
      expect.objectContaining({
        message: "PCP processing request",
        detail: 'unknown PCP packet type "U"',
        severity: "fatal",
      }),
    );
  });

  it("for a switchover are refused when anything is missing or no number", () => {
    for (const hex of ["59 00000004", "59 0000000a 3100 3500 7800", "59 00000009 00 3500 6e00"]) {
      expect(() => decode(bytesOf(hex))).toThrow(PcpError);
    }
  });

  it("to stop need one of the three modes", () => {
    expect(() => decode(bytesOf("54 00000005 78"))).toThrow(
      expect.objectContaining({
        message: "PCP: error while processing shutdown request",
        detail: 'invalid shutdown mode "x"',
        severity: "error",
      }),
    );
  });
});
