import { TestCluster } from "../../support/cluster.ts";
import type { Settings } from "../../support/config-file.ts";
import { type Pgpool, startPgpool } from "../../support/pgpool.ts";
import type { Target } from "./run.ts";
import type { Topic } from "./script.ts";

/**
 * What a primary has acknowledged can be read on its standby at once: without it a read after a
 * write would find now this, now that.
 */
const READ_AFTER_WRITE: Settings = {
  synchronous_commit: "remote_apply",
  synchronous_standby_names: "server1",
};

/** All servers say the same to SHOW, also where there is no standby. */
const EVERYWHERE: Settings = { synchronous_commit: "remote_apply" };

/**
 * A server to compare with; one behind a pgpool of its own; and a primary with a standby behind
 * another pgpool, which sends to the standby all that it may.
 */
export class Servers implements AsyncDisposable {
  private constructor(
    readonly reference: TestCluster,
    readonly single: TestCluster,
    readonly replicated: TestCluster,
    readonly pools: readonly Pgpool[],
    readonly targets: {
      readonly direct: Target;
      readonly single: Target;
      readonly replicated: Target;
    },
  ) {}

  static async start(): Promise<Servers> {
    const [reference, single, replicated] = await Promise.all([
      TestCluster.start({ standbys: 0, settings: EVERYWHERE }),
      TestCluster.start({ standbys: 0, settings: EVERYWHERE }),
      TestCluster.start({ standbys: 1, settings: READ_AFTER_WRITE }),
    ]);
    const pools = await Promise.all([
      startPgpool({ cluster: single, config: { backend_clustering_mode: "raw" } }),
      startPgpool({ cluster: replicated, config: { backend_weight0: 0, backend_weight1: 1 } }),
    ]);
    return new Servers(reference, single, replicated, pools, {
      direct: { name: "directly", port: reference.primary.port },
      single: { name: "through pgpool, one server", port: pools[0].port },
      replicated: { name: "through pgpool, primary and standby", port: pools[1].port },
    });
  }

  /** Makes the topic's database everywhere, so that every run starts from the same. */
  async prepare(topic: Topic): Promise<void> {
    await Promise.all([this.reference, this.single, this.replicated].map(async (cluster) => {
      await cluster.query(`CREATE DATABASE ${topic.name} STRATEGY FILE_COPY`);
      if (topic.setup === "") return;
      await cluster.primary.query(topic.setup, [], { database: topic.name });
    }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const pgpool of this.pools) await pgpool[Symbol.asyncDispose]();
    for (const cluster of [this.reference, this.single, this.replicated]) {
      await cluster[Symbol.asyncDispose]();
    }
  }
}
