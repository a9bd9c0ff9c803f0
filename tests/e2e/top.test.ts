/** What goes on in a pool just now: over PCP, and as `pgpool top` shows it. */
import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { stripVTControlCharacters } from "node:util";
import schema from "../../cmd/top/schema.json" with { type: "json" };
import { connectPcp, type PcpConnection } from "../../lib/pcp/client.ts";
import { errorsBySchema } from "../cmd/pcp/schema.ts";
import { type Outcome, runAs } from "../cmd/support.ts";
import { onCleanUp } from "../support/clean-up.ts";
import * as frontend from "../support/frontend.ts";
import { FaultProxy } from "../support/faults/fault-proxy.ts";
import { hasPgpool2, Pgpool2 } from "../support/pgpool2.ts";
import { SUPERUSER } from "../support/postgres.ts";
import { pgpoolBinary } from "../support/programs.ts";
import { waitFor, within } from "../support/wait.ts";
import { ADMIN, ADMIN_PASSWORD, Administrator, PCP_CONF } from "./pcp/administration.ts";
import { logIn, rowsOf, valueOf } from "./support/nodes.ts";
import { type ReplicatedPool, startReplicatedPool } from "./support/replicated-pool.ts";

const ENTER = "\x1b[?1049h\x1b[?25l";
const LEAVE = "\x1b[?25h\x1b[?1049l";

let pool: ReplicatedPool;
let connection: PcpConnection;
let passwordFile: string;

beforeAll(async () => {
  pool = await startReplicatedPool(
    { worker_processes: 2, num_init_children: 6 },
    { pcp: PCP_CONF },
  );
  const { host, pcpPort: port } = pool.pgpool;
  connection = await connectPcp({ host, port, user: ADMIN, password: ADMIN_PASSWORD });
  ({ passwordFile } = new Administrator(pool.pgpool));
}, 90_000);

afterAll(async () => {
  await connection?.close();
  await pool?.[Symbol.asyncDispose]();
});

/** Starts a statement that takes long, and waits until a server runs it. */
async function startSlow(statement: string) {
  const client = await logIn(pool.pgpool, { parameters: { application_name: "slow" } });
  client.send(frontend.query(statement));
  await waitFor(async () => {
    const [row] = await pool.cluster.query(
      "SELECT FROM pg_stat_activity WHERE query = $1 AND state = 'active'",
      [statement],
    );
    return row !== undefined;
  }, { what: "the statement to run" });
  return client;
}

function topWords(args: readonly string[]): string[] {
  const { host, pcpPort } = pool.pgpool;
  return ["top", "-h", host, "-p", String(pcpPort), "-U", ADMIN, ...args];
}

async function top(...args: readonly string[]): Promise<Outcome> {
  const env = { PCPPASSFILE: passwordFile };
  return await runAs("pgpool", topWords(args), { binary: pgpoolBinary(null), env });
}

/** `pgpool top` on a terminal of its own. */
class TopOnTerminal implements AsyncDisposable {
  /** Everything that was written to the terminal. */
  written = "";
  readonly child: Bun.Subprocess;
  readonly #decoder = new TextDecoder();

  constructor(args: readonly string[] = [], env: Readonly<Record<string, string>> = {}) {
    this.child = Bun.spawn([pgpoolBinary(null), ...topWords(args)], {
      argv0: "pgpool",
      env: { ...process.env, PCPPASSFILE: passwordFile, ...env },
      terminal: {
        cols: 100,
        rows: 20,
        data: (_terminal, bytes) => {
          this.written += this.#decoder.decode(bytes, { stream: true });
        },
      },
    });
    onCleanUp(() => this.child.kill("SIGKILL"));
  }

  /** Lines of the last frame that is complete. */
  frame(): string[] {
    const frames = this.written.split("\x1b[H").slice(1).filter((each) => each.endsWith("\x1b[J"));
    return stripVTControlCharacters(frames.at(-1) ?? "").split(/\r+\n/);
  }

  async shows(pattern: RegExp): Promise<void> {
    await waitFor(() => pattern.test(this.frame().join("\n")), {
      what: `${pattern} on the screen; it shows\n${this.frame().join("\n")}`,
    });
  }

  type(keys: string): void {
    this.child.terminal?.write(keys);
  }

  async end(): Promise<number> {
    return await within(this.child.exited, { what: "the end of pgpool top" });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill("SIGKILL");
    await this.child.exited;
    this.child.terminal?.close();
  }
}

describe("the activity of a pool", () => {
  it("names who runs what for how long, longest first, and the server processes", async () => {
    const first = await startSlow("SELECT pg_sleep(30), 'first'");
    const second = await startSlow("SELECT pg_sleep(30), 'second'");
    using idle = await logIn(pool.pgpool);
    await valueOf(idle, "SELECT 1");
    using inTransaction = await logIn(pool.pgpool);
    await rowsOf(inTransaction, "BEGIN");
    try {
      const { statistics, sessions } = await waitFor(async () => {
        const activity = await connection.activity();
        return activity.sessions.length === 3 && activity;
      }, { what: "three busy sessions" }) || await connection.activity();
      expect(statistics.nodes.map(({ role }) => role)).toEqual(["primary", "standby"]);
      const sleeping = sessions.filter(({ state }) => state === "active");
      expect(sleeping.map(({ statement }) => statement)).toEqual([
        "SELECT pg_sleep(30), 'first'",
        "SELECT pg_sleep(30), 'second'",
      ]);
      expect(sessions.map(({ state }) => state)).toContain("idleInTransaction");
      for (const { seconds, node, user, database, clientHost, applicationName } of sleeping) {
        expect(seconds).toBeWithin(0, 20);
        expect({ node, user, database, clientHost, applicationName }).toEqual({
          node: 0,
          user: SUPERUSER,
          database: "postgres",
          clientHost: "127.0.0.1",
          applicationName: "slow",
        });
      }
      const [server] = await pool.cluster.query(
        "SELECT pid FROM pg_stat_activity WHERE query = $1",
        [sleeping[0]?.statement ?? ""],
      );
      expect(sleeping[0]?.backendPid).toBe(Number(server?.["pid"]));
      expect(pool.pgpool.pids()).toContain(sleeping[0]?.poolPid ?? 0);
    } finally {
      first.close();
      second.close();
    }
  });

  it("is limited to as many sessions as are asked for", async () => {
    const clients = await Promise.all([1, 2, 3].map(() => logIn(pool.pgpool)));
    for (const client of clients) await rowsOf(client, "BEGIN");
    expect((await connection.activity(2)).sessions).toHaveLength(2);
    expect((await connection.activity(0)).sessions).toEqual([]);
    for (const client of clients) client.close();
  });
});

describe("pgpool top without a terminal", () => {
  it("prints a line of JSON for each sample, as its schema says", async () => {
    using client = await logIn(pool.pgpool);
    await rowsOf(client, "BEGIN");
    const { status, stdout, stderr } = await top("--json", "--count", "2", "--interval", "0.2");
    expect([status, stderr]).toEqual([0, ""]);
    const samples = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
    expect(samples).toHaveLength(2);
    for (const sample of samples) {
      expect(errorsBySchema(schema, sample)).toEqual([]);
      expect(sample.nodes.map(({ role }: { role: string }) => role)).toEqual([
        "primary",
        "standby",
      ]);
      expect(sample.sessions).toContainEqual(expect.objectContaining({ statement: "BEGIN" }));
    }
  });

  it("counts what runs in between", async () => {
    using client = await logIn(pool.pgpool);
    const ran = top("--json", "--count", "1", "--interval", "1");
    let done = false;
    void ran.finally(() => done = true);
    while (!done) await valueOf(client, "SELECT 1");
    const [primary, standby] = JSON.parse((await ran).stdout).nodes;
    expect(primary.statementsPerSecond).toBe(0);
    expect(standby.statementsPerSecond).toBeGreaterThan(20);
    expect(standby.p95Ms).toBeGreaterThan(0);
  });

  it("prints a block of text for each sample", async () => {
    const { status, stdout } = await top("-c", "2", "-i", "0.2");
    expect(status).toBe(0);
    expect(stdout.match(/^pgpool 4\.7\.2 .* up /gm)).toHaveLength(2);
    expect(stdout).toMatch(/^1 +127\.0\.0\.1:\d+ +up +standby /m);
    expect(stdout).not.toContain("\x1b");
  });

  it("prints its schema without any pool", async () => {
    expect(JSON.parse((await top("--schema")).stdout)).toEqual(schema);
  });

  it.skipIf(!hasPgpool2())("says that Pgpool-II can not be asked, and what can be", async () => {
    await using theirs = await Pgpool2.start(pool.cluster, PCP_CONF);
    const { status, stderr } = await top("-p", String(theirs.pcpPort));
    expect(status).toBe(7);
    expect(stderr).toContain("the pool does not tell what it is doing\nHINT:  Pgpool-II can not");
  });

  it("says what is wrong, in JSON as well", async () => {
    const { status, stderr } = await top("-p", "1", "-c", "1");
    expect(status).toBe(4);
    expect(stderr).toContain("Connection refused");
    const json = await top("-p", "1", "--json");
    expect([json.status, JSON.parse(json.stdout).error.code]).toEqual([4, "connect"]);
    expect((await top("--interval", "soon")).status).toBe(2);
  });
});

describe("pgpool top on a terminal", () => {
  it("shows sessions as they come, sorts and pauses, and gives the terminal back", async () => {
    await using live = new TopOnTerminal(["-i", "0.2"], { NO_COLOR: "1" });
    await live.shows(/^pgpool 4\.7\.2[^]*no session is busy/);
    const slow = await startSlow("SELECT pg_sleep(30), 'seen by top'");
    await live.shows(/ active +\S+ +postgres +127\.0\.0\.1:\d+ +0 +\d+ +SELECT pg_sleep/);
    live.type("s");
    await live.shows(/sorted by state/);
    live.type("p");
    await live.shows(/^paused/m);
    slow.close();
    live.type(" ");
    await live.shows(/^every 0.2 s/m);
    live.type("q");
    expect(await live.end()).toBe(0);
    expect(live.written.startsWith(ENTER)).toBe(true);
    expect(live.written.endsWith(LEAVE)).toBe(true);
    // Without colours, and without ever emptying the screen.
    expect(live.written).not.toMatch(/\x1b\[(\d+m|2J)/);
  });

  it("asks for the password first, and listens to keys afterwards", async () => {
    const env = { PCPPASSFILE: `${passwordFile}.missing` };
    await using live = new TopOnTerminal(["-i", "0.2"], env);
    await waitFor(() => live.written.endsWith("Password: "), { what: "the prompt" });
    live.type(`${ADMIN_PASSWORD}\r`);
    await live.shows(/sorted by time/);
    live.type("s");
    await live.shows(/sorted by state/);
    live.type("q");
    expect(await live.end()).toBe(0);
  });

  it("keeps to the size of the terminal, also when that changes", async () => {
    await using live = new TopOnTerminal(["-i", "30"]);
    await live.shows(/sorted by time/);
    const { terminal } = live.child;
    terminal?.resize(30, 5);
    await waitFor(() => live.frame().length === 5, { what: "five lines" });
    expect(Math.max(...live.frame().map((line) => line.length))).toBeLessThanOrEqual(30);
    expect(live.frame().at(-1)).toStartWith("every 30 s");
    expect(live.written).toMatch(/\x1b\[1m/);
    live.type("\x03");
    expect(await live.end()).toBe(0);
    expect(live.written.endsWith(LEAVE)).toBe(true);
  });

  it.each([["SIGTERM", 143], ["SIGHUP", 129]] as const)(
    "gives the terminal back on %s",
    async (signal, status) => {
      await using live = new TopOnTerminal();
      await live.shows(/sorted by time/);
      live.child.kill(signal);
      expect(await live.end()).toBe(status);
      expect(live.written.endsWith(LEAVE)).toBe(true);
    },
  );

  it("goes on when the pool is back after it was away, and never holds up who wants to quit", async () => {
    await using between = await FaultProxy.start(pool.pgpool.pcpPort);
    const args = ["-p", String(between.port), "-i", "0.2"];
    await using live = new TopOnTerminal(args, { NO_COLOR: "1" });
    await live.shows(/^every 0.2 s/m);
    await between.set({ kind: "refuse" });
    await live.shows(/Connection refused/);
    await between.heal();
    await live.shows(/^every 0.2 s/m);
    await between.set({ kind: "silence" });
    live.type("q");
    expect(await live.end()).toBe(0);
    expect(live.written.endsWith(LEAVE)).toBe(true);
  });
});
