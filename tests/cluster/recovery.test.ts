import { describe, expect, it } from "bun:test";
import type { LogEntry } from "../../lib/cluster/effects.ts";
import type { PingOutcome } from "../../lib/cluster/facts.ts";
import { RecoveryError } from "../../lib/cluster/recovery/error.ts";
import { OnlineRecovery, type RecoveryWorld } from "../../lib/cluster/recovery/recovery.ts";
import type { RecoverySettings } from "../../lib/cluster/recovery/settings.ts";
import { RequestError } from "../../lib/cluster/requests.ts";
import type { ClusterSnapshot, NodeState, NodeStatus } from "../../lib/cluster/types.ts";
import { ServerRefused, ServerUnreachable } from "../../lib/pool/errors.ts";
import { backend, ManualClock, NOT_READY, REFUSED } from "./world.ts";

const SETTINGS: RecoverySettings = {
  mode: "streaming_replication",
  backends: [backend(0), backend(1)],
  user: "recovery",
  database: "postgres",
  firstStage: "basebackup.sh",
  secondStage: "pitr.sh",
  timeout: 90,
  scriptTimeout: 0,
};

const node = (id: number, status: NodeStatus): NodeState => ({
  id,
  hostname: "localhost",
  port: 11002 + id,
  status,
  role: id === 0 ? "primary" : "standby",
  weight: 0.5,
  replicationDelay: 0,
  delayByTime: false,
  replicationState: "",
  replicationSyncState: "",
  lastStatusChange: 0,
  serverVersion: 180000,
});

const SNAPSHOT: ClusterSnapshot = {
  generation: 1,
  nodes: [node(0, "up"), node(1, "down")],
  primary: 0,
  main: 0,
  transition: "none",
};

/** Servers that take every statement, unless the test says otherwise. */
class Servers {
  readonly clock = new ManualClock();
  readonly done: string[] = [];
  readonly progress: string[] = [];
  readonly log: LogEntry[] = [];
  readonly recovery: OnlineRecovery;
  snapshot = SNAPSHOT;
  pings: PingOutcome[] = [];
  run: (statement: string) => Promise<void> = () => Promise.resolve();
  attach: () => Promise<void> = () => Promise.resolve();
  hold: () => Promise<void> = () => Promise.resolve();
  open: () => Promise<void> = () => Promise.resolve();
  #listener: (snapshot: ClusterSnapshot) => void = () => {};

  constructor(settings: Partial<RecoverySettings> = {}) {
    const world: RecoveryWorld = {
      settings: () => ({ ...SETTINGS, ...settings }),
      snapshot: () => this.snapshot,
      onSnapshot: (listener) => {
        this.#listener = listener;
        return () => this.#listener = () => {};
      },
      open: async (source, onNotice) => {
        this.done.push(`open ${source.id}`);
        await this.open();
        const closed = Promise.withResolvers<never>();
        return {
          run: async (statement) => {
            this.done.push(statement);
            if (statement.startsWith("SELECT")) onNotice("a line of the script");
            await Promise.race([this.run(statement), closed.promise]);
          },
          close: () => {
            this.done.push("close");
            closed.promise.catch(() => {});
            closed.reject(new ServerUnreachable(0, "closed", "closed"));
          },
        };
      },
      ping: () => Promise.resolve(this.pings.shift() ?? { kind: "answers" }),
      attach: async (id) => {
        this.done.push(`attach ${id}`);
        await this.attach();
      },
      holdClients: async (deadline) => {
        this.done.push(`hold clients for ${deadline}`);
        await this.hold();
        return () => this.done.push("let clients in");
      },
      clock: this.clock,
      log: (entry) => this.log.push(entry),
    };
    this.recovery = new OnlineRecovery(world);
  }

  recover(id = 1): Promise<void> {
    return this.recovery.recover(id, (message) => this.progress.push(message));
  }

  /** The error of a recovery that has to fail. */
  async failure(id = 1): Promise<RecoveryError> {
    try {
      await this.recover(id);
    } catch (error) {
      if (error instanceof RecoveryError) return error;
      throw error;
    }
    throw new Error("the recovery did not fail");
  }

  publish(change: Partial<ClusterSnapshot>): void {
    this.snapshot = { ...this.snapshot, ...change };
    this.#listener(this.snapshot);
  }
}

const STAGE = "SELECT pgpool_recovery('basebackup.sh', 'localhost', '/data1', '11002', 1, " +
  "'11003', 'localhost')";
const START = "SELECT pgpool_remote_start('localhost', '/data1')";

describe("online recovery of a standby", () => {
  it("runs the first stage on the primary, starts the server and attaches the node", async () => {
    const servers = new Servers();
    await servers.recover();
    expect(servers.done).toEqual([
      "open 0",
      "SET statement_timeout TO 0",
      "SET pgpool.script_timeout TO 0",
      STAGE,
      START,
      "attach 1",
      "close",
    ]);
    expect(servers.log.at(-1)).toEqual({ severity: "log", text: "recovery done" });
  });

  it("tells the asker and the log of every step and what the scripts write", async () => {
    const servers = new Servers();
    await servers.recover();
    expect(servers.progress).toEqual([
      "from node 0 (localhost:11002)",
      '1st stage: running "basebackup.sh" on node 0',
      "a line of the script",
      'running "pgpool_remote_start" on node 0',
      "a line of the script",
      "waiting for the server on localhost:11003",
      "attaching the node",
    ]);
    expect(servers.log.slice(0, -1).map(({ text }) => text))
      .toEqual(servers.progress.map((text) => `online recovery of node 1: ${text}`));
  });

  it("waits for the server, up to recovery_timeout", async () => {
    const servers = new Servers();
    servers.pings = [REFUSED, NOT_READY];
    const done = servers.recover();
    await servers.clock.advance(2000);
    await done;

    const late = new Servers({ timeout: 5 });
    late.pings = Array.from({ length: 10 }, () => REFUSED);
    const failure = late.failure();
    await late.clock.advance(5000);
    expect(await failure).toMatchObject({
      message: 'postmaster on hostname:"localhost" database:"postgres" user:"recovery" ' +
        "failed to start in 5 second",
      detail: "connection refused (ECONNREFUSED)",
    });
    expect(late.done).not.toContain("attach 1");
    expect(late.done.at(-1)).toBe("close");
  });

  it("gives names that are no names to the scripts as they are", async () => {
    const servers = new Servers({
      backends: [
        backend(0, { hostname: "/run/postgresql" }),
        backend(1, { hostname: "", dataDirectory: "/it's\\here" }),
      ],
    });
    await servers.recover();
    expect(servers.done).toContain(
      "SELECT pgpool_recovery('basebackup.sh', 'localhost', E'/it''s\\\\here', '11002', 1, " +
        "'11003', 'localhost')",
    );
  });

  it("has nothing to run in a stage without a command", async () => {
    const servers = new Servers({ firstStage: "" });
    await servers.recover();
    expect(servers.done).not.toContain(STAGE);
    expect(servers.done).toContain(START);
  });
});

describe("online recovery of a replica", () => {
  it("lets clients leave before the second stage, and in again when the node is back", async () => {
    const servers = new Servers({ mode: "native_replication" });
    await servers.recover();
    expect(servers.done.slice(3)).toEqual([
      "CHECKPOINT",
      STAGE,
      "hold clients for 90000",
      "CHECKPOINT",
      STAGE.replace("basebackup.sh", "pitr.sh"),
      START,
      "attach 1",
      "let clients in",
      "close",
    ]);
  });

  it("lets clients in again when the second stage fails", async () => {
    const servers = new Servers({ mode: "snapshot_isolation" });
    servers.run = (statement) =>
      statement.includes("pitr.sh")
        ? Promise.reject(new ServerUnreachable(0, "closed", "the server has gone"))
        : Promise.resolve();
    expect(await servers.failure()).toMatchObject({
      message: 'executing recovery, execution of command failed at "2nd stage"',
      detail: 'command:"pitr.sh"\nthe server has gone',
    });
    expect(servers.done).toContain("let clients in");
  });

  it("ends when clients do not leave in time", async () => {
    const servers = new Servers({ mode: "native_replication" });
    servers.hold = () => Promise.reject(new RecoveryError("clients stay"));
    expect((await servers.failure()).message).toBe("clients stay");
    expect(servers.done).not.toContain(START);
  });
});

describe("online recovery that cannot be", () => {
  const refused = "process recovery request failed";

  it("is refused in the words of Pgpool-II", async () => {
    expect(await new Servers().failure(7))
      .toMatchObject({ message: refused, detail: "node id 7 is not valid" });
    expect(await new Servers().failure(0)).toMatchObject({
      message: refused,
      detail: "primary server cannot be recovered by online recovery.",
    });
    expect(await new Servers({ mode: "logical_replication" }).failure()).toMatchObject({
      message: refused,
      detail: "recovery request is only allowed in replication and streaming replication modes.",
    });
  });

  it("is refused for a node in use, without a primary, and during a failover", async () => {
    const servers = new Servers();
    servers.publish({ nodes: [node(0, "up"), node(1, "waiting")] });
    expect((await servers.failure()).message).toBe("node recovery failed, node id: 1 is alive");
    servers.publish({ nodes: SNAPSHOT.nodes, primary: -1 });
    expect((await servers.failure()).message)
      .toBe("node recovery failed, unable to connect to main node: -1 ");
    servers.publish({ primary: 0, transition: "promotion" });
    expect(await servers.failure()).toMatchObject({
      message: "failed to process PCP request at the moment",
      detail: "promote node operation is in progress",
    });
  });

  it("is refused while another one runs, and possible again afterwards", async () => {
    const servers = new Servers();
    const goOn = Promise.withResolvers<void>();
    servers.run = (statement) => statement === STAGE ? goOn.promise : Promise.resolve();
    const first = servers.recover();
    expect(await servers.failure()).toMatchObject({
      message: refused,
      severity: "fatal",
      detail: "pgpool-II is already processing another recovery request.",
    });
    goOn.resolve();
    await first;
    await servers.recover();
  });
});

describe("online recovery that fails", () => {
  it("brings the script's own words back", async () => {
    const servers = new Servers();
    servers.run = (statement) =>
      statement === STAGE
        ? Promise.reject(
          new ServerRefused(0, {
            severity: "ERROR",
            sqlstate: "38000",
            message: "pgpool_recovery failed",
            detail: 'Script "basebackup.sh" exited with status 3.\nno space',
          }),
        )
        : Promise.resolve();
    expect(await servers.failure()).toMatchObject({
      message: 'executing recovery, execution of command failed at "1st stage"',
      detail: 'command:"basebackup.sh"\npgpool_recovery failed\n' +
        'Script "basebackup.sh" exited with status 3.\nno space',
    });
    expect(servers.done.at(-1)).toBe("close");
  });

  it("names the extension when its functions are missing", async () => {
    const servers = new Servers();
    const missing = new ServerRefused(0, {
      severity: "ERROR",
      sqlstate: "42883",
      message: "function pgpool_recovery(unknown) does not exist",
    });
    servers.run = (statement) => statement === STAGE ? Promise.reject(missing) : Promise.resolve();
    expect((await servers.failure()).hint).toContain("pgpool extension install pgpool_recovery");
  });

  it("says so when the primary does not let recovery_user in", async () => {
    const servers = new Servers();
    servers.open = () =>
      Promise.reject(
        new ServerRefused(0, { severity: "FATAL", sqlstate: "28P01", message: "wrong password" }),
      );
    expect(await servers.failure()).toMatchObject({
      message: "node recovery failed, unable to connect to main node: 0 ",
      detail: "wrong password",
    });
  });

  it("ends when the primary changes, and when pgpool stops", async () => {
    const endings: [string, (servers: Servers) => void][] = [
      ["node 0 has changed its role", (servers) => servers.publish({ primary: -1 })],
      ["pgpool stops", (servers) => servers.recovery.stop()],
    ];
    for (const [reason, end] of endings) {
      const servers = new Servers();
      const reached = Promise.withResolvers<void>();
      servers.run = (statement) => {
        if (statement !== STAGE) return Promise.resolve();
        reached.resolve();
        return new Promise(() => {});
      };
      const failure = servers.failure();
      await reached.promise;
      end(servers);
      expect(await failure).toMatchObject({
        message: "node recovery failed, it was interrupted",
        detail: reason,
      });
    }
  });

  it("is no failure when the node came back by itself", async () => {
    const servers = new Servers();
    const refusal = { kind: "not-valid-for-failback", status: "up" } as const;
    servers.attach = () => {
      servers.publish({ nodes: [node(0, "up"), node(1, "up")] });
      return Promise.reject(new RequestError(1, refusal));
    };
    await servers.recover();

    const other = new Servers();
    other.attach = () => Promise.reject(new RequestError(1, { kind: "stopping" }));
    expect(await other.failure())
      .toMatchObject({ message: "node recovery failed, the node was not attached" });
  });
});
