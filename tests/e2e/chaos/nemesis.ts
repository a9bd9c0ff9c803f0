import { rmSync } from "node:fs";
import type { Blow, Step, Victim } from "../../chaos/schedule.ts";
import { waitForStreaming } from "../../support/cluster.ts";
import type { Pgpool } from "../../support/pgpool.ts";
import type { PostgresServer, Row } from "../../support/postgres.ts";
import { commandLine, sendSignal } from "../../support/server-process.ts";
import { DeadlineError, waitFor } from "../../support/wait.ts";
import { logIn, rowsOf } from "../support/nodes.ts";
import type { ChaosPool } from "./pool.ts";

/** Longest time for a failover, and for everything to be well again, in milliseconds. */
const MEND_MS = 40_000;

/** A standby that streams again by itself does it within this time. */
const BY_ITSELF_MS = 3000;

/** Breaks things and mends them again. */
export class Nemesis {
  readonly #pool: ChaosPool;
  readonly #pgpool: Pgpool;

  constructor(pool: ChaosPool, pgpool: Pgpool) {
    this.#pool = pool;
    this.#pgpool = pgpool;
  }

  /** Lets one step go wrong for its time, mends it, and waits until pgpool uses all servers. */
  async inflict(step: Step): Promise<void> {
    switch (step.kind) {
      case "worker":
        this.#killWorker();
        await Bun.sleep(step.forMs);
        break;
      case "network":
        await this.#proxyOf(await this.#find(step.victim)).set(step.fault);
        await Bun.sleep(step.forMs);
        break;
      case "blow":
        await this.#strike(await this.#find(step.victim), step.blow, step.forMs);
        break;
    }
    await this.#mend();
  }

  /** Runs statements on the server that pgpool takes for the primary, past pgpool. */
  async query(text: string): Promise<Row[]> {
    return await this.#pool.cluster.server(await this.#waitForPrimary()).query(text);
  }

  async #strike(id: number, blow: Blow, forMs: number): Promise<void> {
    const server = this.#pool.cluster.server(id);
    switch (blow) {
      case "kill":
        await server.kill();
        break;
      case "pause":
        server.pause();
        break;
      case "immediate shutdown":
        await server.stop("immediate");
        break;
      case "fast shutdown":
        await server.stop("fast");
        break;
      case "restart":
        await server.stop("fast");
        await server.start();
        break;
    }
    await Bun.sleep(forMs);
  }

  async #mend(): Promise<void> {
    const { cluster, proxies } = this.#pool;
    for (const proxy of proxies) await proxy.heal();
    for (const server of cluster.servers) server.resume();
    const primary = await this.#waitForPrimary();
    for (const [id, server] of cluster.servers.entries()) {
      if (id !== primary) await this.#mendStandby(id, server, cluster.server(primary));
    }
    await waitFor(async () => (await this.#nodes()).every(({ isUsable }) => isUsable), {
      what: "pgpool to use all servers",
      deadlineMs: MEND_MS,
      everyMs: 100,
    });
  }

  /** The node that pgpool takes for the primary, once it is there and takes writes. */
  async #waitForPrimary(): Promise<number> {
    return (await waitFor(async () => {
      const found = (await this.#nodes()).filter(({ isUsable, role }) =>
        isUsable && role === "primary"
      );
      const id = found[0]?.id ?? -1;
      if (id < 0 || !this.#pool.cluster.server(id).running) return null;
      return await this.#pool.cluster.server(id).isStandby() ? null : { id };
    }, { what: "pgpool to have a primary", deadlineMs: MEND_MS, everyMs: 100 }))?.id ?? -1;
  }

  /** Starts it if it can follow the primary, and makes it anew where it can not. */
  async #mendStandby(id: number, server: PostgresServer, primary: PostgresServer): Promise<void> {
    if (server.isSetUpAsStandby()) {
      try {
        await server.start();
        await waitForStreaming(primary, [server.name], BY_ITSELF_MS);
        return;
      } catch (error) {
        if (!(error instanceof DeadlineError)) throw error;
      }
    }
    await server.kill();
    rmSync(server.dataDir, { recursive: true });
    const fresh = await primary.makeStandby(server.options);
    this.#pool.cluster.servers[id] = fresh;
    await fresh.start();
    await waitForStreaming(primary, [fresh.name]);
  }

  async #find(victim: Victim): Promise<number> {
    const primary = await this.#waitForPrimary();
    if (victim === "primary") return primary;
    return this.#pool.cluster.servers.findIndex((_server, id) => id !== primary);
  }

  async #nodes() {
    using client = await logIn(this.#pgpool);
    return (await rowsOf(client, "SHOW POOL_NODES")).map(([id, , , status, , , role]) => ({
      id: Number(id),
      isUsable: status === "up" || status === "waiting",
      role,
    }));
  }

  #killWorker(): void {
    const worker = this.#pgpool.pids().find((pid) =>
      /^pgpool: worker /.test(commandLine(pid)[0] ?? "")
    );
    if (worker === undefined) throw new Error("pgpool has no worker");
    sendSignal(worker, "SIGKILL");
  }

  #proxyOf(id: number) {
    const proxy = this.#pool.proxies[id];
    if (proxy === undefined) throw new Error(`there is no proxy for node ${id}`);
    return proxy;
  }
}
