import { TestCluster } from "../../support/cluster.ts";

/**
 * A primary and a standby that ask for passwords by the beginning of the user's name: `trust_…`,
 * `password_…`, `md5_…` and `scram_…`; `mixed_…` are trusted on the standby only and have a SCRAM
 * password, `split_…` are asked for it by SCRAM on the primary and in clear text on the standby.
 * The password of a user `x` is `x secret`.
 */
export async function startAskingServers(users: readonly string[]): Promise<TestCluster> {
  const cluster = await TestCluster.start();
  for (const user of users) {
    const encryption = user.startsWith("md5_") ? "md5" : "scram-sha-256";
    await cluster.query(
      `SET password_encryption = '${encryption}';
       CREATE ROLE "${user}" LOGIN PASSWORD '${secretOf(user)}'`,
    );
  }
  await cluster.waitForReplay();
  await cluster.primary.writeHba(rules({ mixed: "scram-sha-256", split: "scram-sha-256" }));
  await cluster.server(1).writeHba(rules({ mixed: "trust", split: "password" }));
  return cluster;
}

export function secretOf(user: string): string {
  return `${user} secret`;
}

function rules({ mixed, split }: { mixed: string; split: string }): string {
  return `
local all all trust
host all postgres 127.0.0.1/32 trust
host all /^trust_ 127.0.0.1/32 trust
host all /^password_ 127.0.0.1/32 password
host all /^md5_ 127.0.0.1/32 md5
host all /^scram_ 127.0.0.1/32 scram-sha-256
host all /^mixed_ 127.0.0.1/32 ${mixed}
host all /^split_ 127.0.0.1/32 ${split}
host replication all 127.0.0.1/32 trust
`;
}
