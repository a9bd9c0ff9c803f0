/** Every command of `pgpool pcp` and every pcp_* name against a running pool. */
import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { PCP_COMMANDS } from "../../../cmd/pcp/catalogue.ts";
import type { PcpCommandName } from "../../../cmd/pcp/requests.ts";
import { schemaErrors } from "../../cmd/pcp/schema.ts";
import { TestCluster } from "../../support/cluster.ts";
import { type Pgpool, startPgpool } from "../../support/pgpool.ts";
import { freePort } from "../../support/ports.ts";
import { waitFor, within } from "../../support/wait.ts";
import { Administrator, PASSWORD_LINE, PCP_CONF } from "./administration.ts";

let cluster: TestCluster;
let pgpool: Pgpool;
let admin: Administrator;

beforeAll(async () => {
  cluster = await TestCluster.start();
  pgpool = await startPgpool({ cluster, pcp: PCP_CONF, config: { health_check_period: 30 } });
  admin = new Administrator(pgpool);
}, 90_000);

afterAll(async () => {
  await pgpool?.[Symbol.asyncDispose]();
  await cluster?.[Symbol.asyncDispose]();
});

async function nodes(): Promise<readonly { status: string; backendRole: string }[]> {
  return await admin.json("node-info");
}

/** Waits until the standby has a status. */
async function standbyIs(...statuses: readonly string[]): Promise<void> {
  await waitFor(async () => statuses.includes((await nodes())[1]?.status ?? ""), {
    what: `node 1 to be ${statuses.join(" or ")}`,
  });
}

/** Commands that this pool refuses, with the text that says why. */
const REFUSED: Readonly<Partial<Record<PcpCommandName, string>>> = {
  "watchdog-info": "watchdog is not enabled",
  "log-rotate": "logging_collector is disabled",
  "invalidate-query-cache": "query cache is not enabled",
  "promote-node": "specified node is already primary node, can't promote node id 0",
  "recovery-node": "recover",
};

/** What each command is told on top; the order is one in which all can be done. */
const ARGUMENTS: readonly (readonly [PcpCommandName, ...string[]])[] = [
  ["node-count"],
  ["node-info"],
  ["health-check-stats", "0"],
  ["proc-count"],
  ["proc-info"],
  ["pool-status"],
  ["watchdog-info"],
  ["detach-node", "1"],
  ["attach-node", "1"],
  ["promote-node", "0"],
  ["recovery-node", "0"],
  ["reload-config"],
  ["log-rotate"],
  ["invalidate-query-cache"],
];

describe("every command", () => {
  it("is among those that are tested here", () => {
    const tested = new Set<string>([...ARGUMENTS.map(([name]) => name), "stop-pgpool"]);
    expect(new Set<string>(PCP_COMMANDS.map(({ name }) => name))).toEqual(tested);
  });

  for (const [name, ...args] of ARGUMENTS) {
    it(`answers in JSON, in tables and as Pgpool-II's command: ${name}`, async () => {
      if (name === "attach-node") await standbyIs("down");
      const isDestructive = PCP_COMMANDS.find((spec) => spec.name === name)?.destructive === true;
      const yes = isDestructive ? ["--yes"] : [];
      const json = await admin.pcp(name, ...args, ...yes, "--json");
      const value = JSON.parse(json.stdout);
      const program = `pcp_${name.replaceAll("-", "_")}`;
      const refusal = REFUSED[name];
      if (refusal !== undefined) {
        expect(schemaErrors("error", value)).toEqual([]);
        expect(value.error.message).toContain(refusal);
        expect(json.status).toBe(7);
        const classic = await admin.legacy(program, ...args);
        expect(classic).toMatchObject({ status: 1, stdout: "" });
        expect(classic.stderr).toContain(refusal);
        return;
      }
      expect({ status: json.status, stderr: json.stderr }).toEqual({ status: 0, stderr: "" });
      expect(schemaErrors(name, value)).toEqual([]);
      if (name === "detach-node" || name === "attach-node") return;
      for (const option of [[], ["-v"]]) {
        const classic = await admin.legacy(program, ...args, ...option);
        expect(classic).toMatchObject({ status: 0, stderr: "" });
        expect(classic.stdout).not.toBe("");
      }
      expect(await admin.pcp(name, ...args, ...yes)).toMatchObject({ status: 0, stderr: "" });
    });
  }
});

describe("pcp_node_info", () => {
  it("prints Pgpool-II's twelve fields", async () => {
    await standbyIs("up", "waiting");
    await waitFor(
      async () => (await nodes()).every(({ backendRole }) => backendRole !== "unknown"),
      {
        what: "the servers to have told their roles",
      },
    );
    const { stdout } = await admin.legacy("pcp_node_info");
    const [primary, standby] = stdout.trimEnd().split("\n").map((line) => line.split(" "));
    const { host, port } = cluster.primary;
    expect(primary?.slice(0, 2)).toEqual([host, String(port)]);
    expect(primary?.slice(3, 4)).toEqual(["0.500000"]);
    expect(primary?.slice(6, 8)).toEqual(["primary", "primary"]);
    expect(standby?.slice(6, 8)).toEqual(["standby", "standby"]);
    expect(standby?.slice(9, 11)).toEqual(["streaming", "async"]);
    for (const fields of [primary, standby]) expect(fields).toHaveLength(13);
    const one = await admin.legacy("pcp_node_info", "-n", "1");
    expect(one.stdout.split(" ").slice(0, 2)).toEqual([host, String(cluster.server(1).port)]);
    const verbose = await admin.legacy("pcp_node_info", "-v", "1");
    expect(verbose.stdout).toStartWith(`Hostname               : ${host}\n`);
  });

  it("is found over the Unix socket, too", async () => {
    const args = ["-h", pgpool.socketDir, "-p", String(pgpool.pcpPort), "-w"];
    const { status, stdout } = await admin.legacy("pcp_node_count", ...args);
    expect({ status, stdout }).toEqual({ status: 0, stdout: "2\n" });
  });
});

describe("pcp_proc_info", () => {
  it("finds the client behind a process of a server", async () => {
    const client = pgpool.connect();
    const [{ pid }] = await client`SELECT pg_backend_pid() AS pid, 'find me'`;
    const found = await admin.json("proc-info", "--backend-pid", String(pid));
    expect(found).toMatchObject([{ backendPid: pid, connected: true, clientHost: "127.0.0.1" }]);
    const { stdout } = await admin.pcp("proc-info", "--backend-pid", String(pid));
    expect(stdout.split("\n")[1]).toContain(` ${pid} `);
    await client.end();
  });
});

describe("what goes wrong", () => {
  it("is told apart by the exit status and the code", async () => {
    using silent = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    const closed = await freePort();
    const cases: readonly (readonly [code: string, status: number, ...args: string[]])[] = [
      ["connect", 4, "node-count", "-p", String(closed)],
      ["connect", 4, "node-count", "-h", "/nonexistent"],
      ["authentication", 5, "node-count", "-U", "nobody"],
      ["unknown", 6, "node-info", "7"],
      ["unknown", 6, "proc-info", "1"],
      ["refused", 7, "promote-node", "0", "--yes"],
      ["timeout", 8, "node-count", "-p", String(silent.port), "--connect-timeout", "0.2"],
    ];
    admin.writePasswordFile("*:*:*:s3cr\\:et\n");
    for (const [code, status, command, ...args] of cases) {
      if (command === undefined) throw new Error("a case without a command");
      const outcome = await admin.pcp(command, ...args, "--json");
      expect({ command, args, status: outcome.status }).toEqual({ command, args, status });
      const value = JSON.parse(outcome.stdout);
      expect(schemaErrors("error", value)).toEqual([]);
      expect(value.error.code).toBe(code);
    }
  });

  it("is printed by the old names as Pgpool-II prints it", async () => {
    expect(await admin.legacy("pcp_node_info", "7")).toEqual({
      status: 1,
      stdout: "",
      stderr: "ERROR:  informing node info failed\nDETAIL:  invalid node ID : 7\n\n",
    });
    admin.writePasswordFile("*:*:*:wrong\n");
    expect(await admin.legacy("pcp_node_info", "-U", "nosuch")).toEqual({
      status: 1,
      stdout: "",
      stderr: 'FATAL:  authentication failed for user "nosuch"\n' +
        "DETAIL:  username and/or password does not match\n\n",
    });
    expect(await admin.legacy("pcp_node_count", "-h", "/nonexistent", "-p", "9898")).toEqual({
      status: 1,
      stdout: "",
      stderr: 'ERROR: connection to socket "/nonexistent/.s.PGSQL.9898" failed with error ' +
        '"No such file or directory"\n',
    });
    admin.writePasswordFile(PASSWORD_LINE);
  });

  it("is traced with -d, without secrets", async () => {
    const { stdout, stderr } = await admin.pcp("node-count", "-d");
    expect(stdout).toBe("2\n");
    expect(stderr).toContain('send: tos="L"');
    const classic = await admin.legacy("pcp_node_count", "-d");
    expect(classic.stdout).toContain('send: tos="L"');
    expect(classic.stdout).toEndWith("2\n");
    for (const text of [stderr, classic.stdout]) expect(text).not.toContain("s3cr");
  });
});

describe("--watch", () => {
  it("prints one JSON value a line, until it is interrupted", async () => {
    const child = admin.start("node-info", "--watch", "0.1", "--json");
    const lines: string[] = [];
    for await (const line of linesOf(child.stdout)) {
      lines.push(line);
      if (lines.length === 3) break;
    }
    child.kill("SIGINT");
    await within(child.exited, { what: "the command to end" });
    for (const line of lines) expect(schemaErrors("node-info", JSON.parse(line))).toEqual([]);
  });

  it("ends when nobody reads what it prints", async () => {
    const child = admin.start("node-info", "--watch", "0.1", "--json");
    await child.stdout.cancel();
    expect(await within(child.exited, { what: "the command to end" })).toBe(141);
  });

  it("draws the screen anew on a terminal", async () => {
    const { screen } = await admin.pcpOnTerminal("node-info", ["--watch", "0.1"], [
      ["node-info every 0.1 s", ""],
      ["node-info every 0.1 s", "\x03"],
    ]);
    expect(screen.split("\x1b[H\x1b[2J").length).toBeGreaterThanOrEqual(3);
  });
});

describe("stop-pgpool", () => {
  it("stops the pool when it is meant", async () => {
    const no = await admin.pcpOnTerminal("stop-pgpool", [], [["(yes or no)", "no\r"]]);
    expect(no.status).toBe(1);
    expect(pgpool.running).toBe(true);
    const value = await admin.json("stop-pgpool", "--mode", "fast", "--yes");
    expect(schemaErrors("stop-pgpool", value)).toEqual([]);
    expect(value).toMatchObject({ mode: "fast", scope: "local" });
    await waitFor(() => !pgpool.running, { what: "pgpool to end" });
  });

  it("stops it under the old name without asking", async () => {
    await using other = await startPgpool({ cluster, pcp: PCP_CONF });
    const boss = new Administrator(other);
    const { status, screen } = await boss.legacyOnTerminal("pcp_stop_pgpool", ["-m", "i"]);
    expect({ status, screen }).toEqual({
      status: 0,
      screen: "pcp_stop_pgpool -- Command Successful\n",
    });
    await waitFor(() => !other.running, { what: "pgpool to end" });
  });
});

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}
