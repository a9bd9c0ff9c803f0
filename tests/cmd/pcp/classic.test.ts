import { describe, expect, it } from "bun:test";
import { classicText } from "../../../cmd/pcp/classic.ts";
import type { PcpAnswer } from "../../../cmd/pcp/requests.ts";
import type { NodeInfo } from "../../../lib/pcp/types.ts";
import { EMPTY_PROCESS, HEALTH, PRIMARY, PROCESS, STANDBY, WATCHDOG } from "./values.ts";

function plain(answer: PcpAnswer): string {
  return classicText(answer, "pcp_test", false);
}

function verbose(answer: PcpAnswer): string {
  return classicText(answer, "pcp_test", true);
}

function nodes(...nodes: readonly NodeInfo[]): PcpAnswer {
  return { about: "node-info", nodes };
}

// All expected texts are those of Pgpool-II 4.7.2 (reference golden/pcp.txt, golden/watchdog.txt).
describe("the output of Pgpool-II's commands", () => {
  it("counts nodes", () => {
    expect(plain({ about: "node-count", count: 2 })).toBe("2\n");
    expect(verbose({ about: "node-count", count: 2 })).toBe("Node Count\n____________\n 2\n");
  });

  it("prints a node in a line of twelve fields", () => {
    expect(plain(nodes(PRIMARY, STANDBY))).toBe(
      "localhost 11002 2 0.500000 up up primary primary 0 none none 2026-11-23 13:09:38\n" +
        "localhost 11003 2 0.500000 up up standby standby 0 streaming async 2026-11-23 13:09:38\n",
    );
    expect(plain(nodes())).toBe("No node information available\n\n");
  });

  it("pads the titles of a node to the longest of them", () => {
    expect(verbose(nodes(STANDBY))).toBe(
      [
        "Hostname               : localhost",
        "Port                   : 11003",
        "Status                 : 2",
        "Weight                 : 0.500000",
        "Status Name            : up",
        "Backend Status Name    : up",
        "Role                   : standby",
        "Backend Role           : standby",
        "Replication Delay      : 0",
        "Replication State      : streaming",
        "Replication Sync State : async",
        "Last Status Change     : 2026-11-23 13:09:38",
        "",
        "",
      ].join("\n"),
    );
  });

  it("tells a delay in seconds when it is measured so, with its unit when verbose", () => {
    const late = { ...STANDBY, delayByTime: true, replicationDelay: 1_500_000 };
    expect(plain(nodes(late))).toContain(" standby 1.500000 streaming ");
    expect(verbose(nodes(late))).toContain("Replication Delay      : 1.500000 second\n");
    const later = { ...late, replicationDelay: 2_000_000 };
    expect(verbose(nodes(later))).toContain("Replication Delay      : 2.000000 seconds\n");
  });

  it("numbers every status", () => {
    const numbers = (["unused", "waiting", "up", "down", "quarantine"] as const).map((status) =>
      plain(nodes({ ...PRIMARY, status })).split(" ").slice(2, 5)
    );
    expect(numbers).toEqual([
      ["0", "0.500000", "unused"],
      ["1", "0.500000", "waiting"],
      ["2", "0.500000", "up"],
      ["3", "0.500000", "down"],
      ["3", "0.500000", "quarantine"],
    ]);
  });

  it("prints health checks with empty texts for times that have not come", () => {
    expect(plain({ about: "health-check-stats", nodes: [HEALTH] })).toBe(
      "0 localhost 11002 up primary 2026-11-23 13:09:38 1 1 0 0 0 0.000000 0 8 8 8.000000 " +
        "2026-11-23 13:09:38 2026-11-23 13:09:38  \n",
    );
    const text = verbose({ about: "health-check-stats", nodes: [HEALTH] });
    expect(text).toStartWith("Node Id                       : 0\n");
    expect(text).toContain("\nAverage Health Check Duration : 8.000000\n");
    expect(text).toEndWith(
      "Last Skip Health Check        : \nLast Failed Health Check      : \n\n",
    );
  });

  it("lists processes", () => {
    const answer = { about: "proc-count", pids: [469, 470] } as const;
    expect(plain(answer)).toBe("469 470 \n");
    expect(verbose(answer)).toBe(
      "No \t | \t PID\n_____________________\n0 \t | \t 469\n1 \t | \t 470\n\nTotal Processes:2\n",
    );
  });

  it("prints pool entries in the order of pcp_proc_info, which is not that of the protocol", () => {
    expect(plain({ about: "proc-info", entries: [PROCESS, EMPTY_PROCESS] })).toBe(
      "test pgtest 2026-11-23 13:09:38 (5:00 before process restarting) 1 3 0 " +
        "2026-11-23 13:09:43 2026-11-23 13:09:43 0 2026-11-23 13:09:43 1 575 0 470 0 " +
        "Wait for connection 0 127.0.0.1 60940 DISCARD ALL\n" +
        "  2026-11-23 13:09:38 0 0 0   0  0 0 0 469 0 Wait for connection 0   \n",
    );
    expect(verbose({ about: "proc-info", entries: [PROCESS] })).toBe(
      [
        "Database                  : test",
        "Username                  : pgtest",
        "Start time                : 2026-11-23 13:09:38 (5:00 before process restarting)",
        "Client connection count   : 1",
        "Major                     : 3",
        "Minor                     : 0",
        "Backend connection time   : 2026-11-23 13:09:43",
        "Client connection time    : 2026-11-23 13:09:43",
        "Client idle duration      : 0",
        "Client disconnection time : 2026-11-23 13:09:43",
        "Pool Counter              : 1",
        "Backend PID               : 575",
        "Connected                 : 0",
        "PID                       : 470",
        "Backend ID                : 0",
        "Status                    : Wait for connection",
        "Load balance node         : 0",
        "client_host               : 127.0.0.1",
        "client_port               : 60940",
        "statement                 : DISCARD ALL",
        "",
        "",
      ].join("\n"),
    );
    expect(plain({ about: "proc-info", entries: [] })).toBe("No process information available\n\n");
  });

  it("prints settings", () => {
    const items = [{ name: "port", value: "11000", description: "pgpool accepting port number" }];
    const answer = { about: "pool-status", items } as const;
    expect(plain(answer))
      .toBe("name : port\nvalue: 11000\ndesc : pgpool accepting port number\n\n");
    expect(verbose(answer)).toBe(
      "Name [  0]:\tport\nValue:      \t11000\nDescription:\tpgpool accepting port number\n\n",
    );
  });

  it("prints the watchdog's cluster", () => {
    const answer = { about: "watchdog-info", watchdog: WATCHDOG } as const;
    expect(plain(answer)).toBe(
      "2 2 YES localhost:50000 Linux localhost localhost\n\n" +
        "localhost:50000 Linux localhost localhost 50000 50002 4 LEADER 0 MEMBER\n" +
        "localhost:50004 Linux localhost localhost 50004 50006 7 STANDBY 0 MEMBER\n",
    );
    expect(verbose(answer)).toStartWith(
      [
        "Watchdog Cluster Information ",
        "Total Nodes              : 2",
        "Remote Nodes             : 1",
        "Member Remote Nodes      : 1",
        "Alive Remote Nodes       : 1",
        "Nodes required for quorum: 2",
        "Quorum state             : QUORUM EXIST",
        "Local node escalation    : YES",
        "Leader Node Name         : localhost:50000 Linux localhost",
        "Leader Host Name         : localhost",
        "",
        "Watchdog Node Information ",
        "Node Name         : localhost:50000 Linux localhost",
        "Host Name         : localhost",
        "Delegate IP       : Not_Set",
        "Pgpool port       : 50000",
        "Watchdog port     : 50002",
        "Node priority     : 2",
        "Status            : 4",
        "Status Name       : LEADER",
        "Membership Status : MEMBER",
        "",
        "Node Name         : localhost:50004 Linux localhost",
        "",
      ].join("\n"),
    );
  });

  it("says that a command was successful", () => {
    const answer = { about: "action", action: { command: "attach-node", node: 1 } } as const;
    expect(plain(answer)).toBe("pcp_test -- Command Successful\n");
  });
});
