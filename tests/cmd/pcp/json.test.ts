import { describe, expect, it } from "bun:test";
import { PCP_COMMANDS, requestOf, SWITCHOVER } from "../../../cmd/pcp/catalogue.ts";
import { jsonValue } from "../../../cmd/pcp/json.ts";
import type { PcpAnswer, PcpCommandName } from "../../../cmd/pcp/requests.ts";
import { schemaErrors } from "./schema.ts";
import { CHANGED, EMPTY_PROCESS, HEALTH, PRIMARY, PROCESS, STANDBY, WATCHDOG } from "./values.ts";

/** What a program reads that parses the output. */
function printed(answer: PcpAnswer): unknown {
  return JSON.parse(JSON.stringify(jsonValue(answer)));
}

const ANSWERS = {
  "node-count": { about: "node-count", count: 2 },
  "node-info": { about: "node-info", nodes: [PRIMARY, { ...STANDBY, delayByTime: true }] },
  "health-check-stats": {
    about: "health-check-stats",
    nodes: [HEALTH, { ...HEALTH, averageRetryCount: NaN }],
  },
  "proc-count": { about: "proc-count", pids: [469, 470] },
  "proc-info": { about: "proc-info", entries: [PROCESS, EMPTY_PROCESS] },
  "pool-status": {
    about: "pool-status",
    items: [{ name: "port", value: "11000", description: "" }],
  },
  "watchdog-info": { about: "watchdog-info", watchdog: WATCHDOG },
  "switchover": {
    about: "switchover",
    report: {
      node: 1,
      oldPrimary: 0,
      drain: 40,
      replay: 10,
      promotion: 500,
      pause: 550,
      total: 700,
      isFenced: true,
    },
  },
} as const;

describe("the JSON of pgpool pcp", () => {
  for (const { name } of [...PCP_COMMANDS, SWITCHOVER]) {
    it(`keeps to its schema: ${name}`, () => {
      expect(schemaErrors(name, printed(answerTo(name)))).toEqual([]);
    });
  }

  it("has schemas that refuse what they do not describe", () => {
    expect(schemaErrors("node-count", { count: "2" })).not.toEqual([]);
    expect(schemaErrors("node-info", [{ nodeId: 1 }])).not.toEqual([]);
    expect(schemaErrors("detach-node", { command: "detach-node" })).not.toEqual([]);
  });

  it("has times in ISO 8601, with an offset where the time zone is known", () => {
    const [node] = array(printed({ about: "node-info", nodes: [PRIMARY] }));
    expect(node).toMatchObject({ lastStatusChange: new Date(CHANGED * 1000).toISOString() });
    const [never] = array(printed({
      about: "node-info",
      nodes: [{ ...PRIMARY, lastStatusChange: 0 }],
    }));
    expect(never).toMatchObject({ lastStatusChange: null });
    const [health] = array(printed({ about: "health-check-stats", nodes: [HEALTH] }));
    expect(health).toMatchObject({
      lastHealthCheck: "2026-11-23T13:09:38",
      lastFailedHealthCheck: null,
    });
  });

  it("has numbers for what the texts of pcp_proc_info tell in brackets", () => {
    const idle = { ...PROCESS, clientIdleDuration: "12 (0:48 before client disconnected)" };
    const entries = array(printed({ about: "proc-info", entries: [idle, EMPTY_PROCESS] }));
    expect(entries[0]).toMatchObject({
      startTime: "2026-11-23T13:09:38",
      secondsToRestart: 300,
      clientIdleSeconds: 12,
      secondsToDisconnect: 48,
    });
    expect(entries[1]).toMatchObject({
      secondsToRestart: null,
      secondsToDisconnect: null,
      backendPid: null,
      database: null,
    });
  });

  it("tells a delay in the unit it is measured in", () => {
    const byTime = { ...STANDBY, delayByTime: true, replicationDelay: 1_500_000 };
    const nodes = array(printed({ about: "node-info", nodes: [byTime, STANDBY] }));
    expect(nodes[0]).toMatchObject({ replicationDelaySeconds: 1.5, replicationDelayBytes: null });
    expect(nodes[1]).toMatchObject({ replicationDelaySeconds: null, replicationDelayBytes: 0 });
  });
});

function answerTo(name: PcpCommandName): PcpAnswer {
  const request = requestOf(name, { id: 1 });
  switch (request.command) {
    case "node-count":
    case "node-info":
    case "health-check-stats":
    case "proc-count":
    case "proc-info":
    case "pool-status":
    case "watchdog-info":
    case "switchover":
      return ANSWERS[request.command];
    default:
      return { about: "action", action: request };
  }
}

function array(value: unknown): unknown[] {
  if (!Array.isArray(value)) throw new TypeError("not an array");
  return value;
}
