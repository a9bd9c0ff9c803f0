import { TestCluster } from "../../support/cluster.ts";
import { FaultProxy } from "../../support/faults/fault-proxy.ts";
import { type Pgpool, startPgpool } from "../../support/pgpool.ts";
import { followingCommand, promotingCommand } from "../support/failover-commands.ts";

/**
 * Whoever is the primary waits for the first of the others: the one with the lowest id, which
 * failover_command is told to promote.
 */
const SYNCHRONOUS = "FIRST 1 (server0, server1, server2)";

/** A primary and its standbys, a proxy for faults before each, and pgpool before those. */
export interface ChaosPool extends AsyncDisposable {
  readonly cluster: TestCluster;
  readonly proxies: readonly FaultProxy[];
  /** Starts a pgpool before the servers as they are now. */
  startPgpool(): Promise<Pgpool>;
}

/** @param standbys 1 or 2; the first one is synchronous */
export async function startChaosPool(standbys: number): Promise<ChaosPool> {
  const cluster = await TestCluster.start({
    standbys,
    settings: { synchronous_standby_names: SYNCHRONOUS, synchronous_commit: "on" },
  });
  const proxies: FaultProxy[] = [];
  for (const { port } of cluster.servers) proxies.push(await FaultProxy.start(port));
  return {
    cluster,
    proxies,
    startPgpool: () => startPool(cluster, proxies),
    [Symbol.asyncDispose]: async () => {
      await Promise.all(proxies.map((proxy) => proxy.close()));
      await cluster[Symbol.asyncDispose]();
    },
  };
}

async function startPool(
  cluster: TestCluster,
  proxies: readonly FaultProxy[],
): Promise<Pgpool> {
  return await startPgpool({
    backends: cluster.servers.map(({ name, dataDir }, id) => {
      const proxy = proxies[id];
      if (proxy === undefined) throw new Error(`no proxy for server ${id}`);
      return { name, dataDir, host: proxy.host, port: proxy.port };
    }),
    config: {
      worker_processes: 2,
      connect_timeout: 1000,
      sr_check_period: 1,
      health_check_period: 1,
      health_check_timeout: 2,
      health_check_max_retries: 1,
      health_check_retry_delay: 1,
      auto_failback: true,
      auto_failback_interval: 1,
      failover_command: promotingCommand(cluster),
      follow_primary_command: cluster.servers.length > 2 ? followingCommand(cluster) : "",
    },
  });
}
