import { TestCluster } from "../../support/cluster.ts";
import type { Settings } from "../../support/config-file.ts";
import { type Pgpool, type PgpoolOptions, startPgpool } from "../../support/pgpool.ts";

/** A primary with a standby behind a pgpool that sends to the standby all that it may. */
export interface ReplicatedPool extends AsyncDisposable {
  readonly cluster: TestCluster;
  readonly pgpool: Pgpool;
}

/** What is committed can be read on the standby at once, so that tests know what they will find. */
export async function startReplicatedPool(
  config: Settings = {},
  files: Pick<PgpoolOptions, "pcp" | "hba" | "passwd"> = {},
): Promise<ReplicatedPool> {
  const cluster = await TestCluster.start({
    settings: { synchronous_commit: "remote_apply", synchronous_standby_names: "server1" },
  });
  const pgpool = await startPgpool({
    cluster,
    ...files,
    config: { backend_weight0: 0, backend_weight1: 1, ...config },
  });
  return {
    cluster,
    pgpool,
    [Symbol.asyncDispose]: async () => {
      await pgpool[Symbol.asyncDispose]();
      await cluster[Symbol.asyncDispose]();
    },
  };
}
