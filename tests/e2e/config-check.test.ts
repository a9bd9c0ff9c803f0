/** Whether the check of a configuration sees what a real server allows. */
import { describe, expect, it } from "bun:test";
import { checkConnections } from "../../lib/admin/audit/connections.ts";
import { examineConfig } from "../../lib/config/load.ts";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { TestCluster } from "../support/cluster.ts";
import { formatSettings } from "../support/config-file.ts";
import { SUPERUSER } from "../support/postgres.ts";

describe("the check of a configuration", () => {
  it("compares num_init_children * max_pool with max_connections of a server", async () => {
    await using cluster = await TestCluster.start({
      standbys: 0,
      settings: { max_connections: 20, superuser_reserved_connections: 3 },
    });
    const codes = async (clients: number) => {
      const path = join(cluster.dir, "pgpool.conf");
      const settings = {
        backend_hostname0: "127.0.0.1",
        backend_port0: cluster.primary.port,
        sr_check_user: SUPERUSER,
        num_init_children: clients,
        max_pool: 1,
      };
      writeFileSync(path, formatSettings(settings));
      const { config } = examineConfig(path, {});
      return (await checkConnections(config, join(cluster.dir, "none"))).map(({ code }) => code);
    };
    expect(await codes(17)).toEqual([]);
    expect(await codes(18)).toEqual(["max-connections"]);
  });
});
