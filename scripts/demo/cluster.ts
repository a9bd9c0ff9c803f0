/** The demo's PostgreSQL servers. */
import { existsSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { waitForStreaming } from "../../tests/support/cluster.ts";
import { freePort } from "../../tests/support/ports.ts";
import { copyDataDir, initdb, PostgresServer } from "../../tests/support/postgres.ts";
import { DemoError, type Place } from "./place.ts";

/** Clients served at once, and server connections each of them may leave in the pool. */
export const CLIENTS = 100;
export const POOLED_PER_CLIENT = 4;

/** The role that pgpool checks the servers with. */
export const CHECK_USER = "pgpool";

const MAX_STANDBYS = 8;

const SETTINGS = {
  // Everything that pgpool may hold open, and some for itself, the standbys and a person.
  max_connections: CLIENTS * POOLED_PER_CLIENT + 20,
  max_wal_senders: MAX_STANDBYS + 2,
  // A standby that was not started for a while must still find where it left off.
  wal_keep_size: "512MB",
  shared_buffers: "64MB",
};

/** Makes what is missing, starts everything and waits until every standby streams. */
export async function startCluster(
  place: Place,
  standbys: number,
  say: (text: string) => void,
): Promise<PostgresServer[]> {
  const servers: PostgresServer[] = [];
  for (let id = 0; id <= standbys; id++) {
    servers.push(
      new PostgresServer({
        name: `server${id}`,
        dataDir: place.dataDir(id),
        port: await freePort(),
        socketDir: place.run,
        logFile: join(place.log, `postgresql${id}.log`),
        settings: SETTINGS,
        account: place.account,
      }),
    );
  }
  const [primary] = servers;
  if (primary === undefined) throw new Error("a cluster has a primary");
  const complete = join(place.dir, ".cluster-complete");
  if (!existsSync(complete)) {
    for (let id = 0; id <= MAX_STANDBYS; id++) removeDataDir(place, id);
    say("creating the primary");
    initdb(primary.dataDir, place.account);
  }
  prepareStandbys(place, primary, servers.slice(1), say);
  await startAll(primary, servers.slice(1), say);
  if (!existsSync(complete)) {
    await primary.query(`CREATE ROLE ${CHECK_USER} LOGIN; GRANT pg_monitor TO ${CHECK_USER}`);
    writeFileSync(complete, "");
  }
  return servers;
}

/** The primary stops first, so that the standbys still get all that it has written. */
export async function stopCluster(servers: readonly PostgresServer[]): Promise<void> {
  const [primary, ...standbys] = servers;
  await primary?.stop("fast");
  await Promise.all(standbys.map((standby) => standby.stop("fast")));
}

/** Makes the standbys that are missing, while no server runs. */
function prepareStandbys(
  place: Place,
  primary: PostgresServer,
  standbys: readonly PostgresServer[],
  say: (text: string) => void,
): void {
  for (const [index, standby] of standbys.entries()) {
    if (!existsSync(standby.dataDir)) {
      say(`creating standby ${index + 1}`);
      // Under a name that becomes the standby's only when everything is there.
      const half = `${standby.dataDir}.new`;
      rmSync(half, { recursive: true, force: true });
      copyDataDir(primary.dataDir, half);
      renameSync(half, standby.dataDir);
      standby.follow(primary);
    }
  }
  const changed = [primary, ...standbys].find((server, id) => server.isSetUpAsStandby() !== id > 0);
  if (changed !== undefined) {
    throw new DemoError(
      `${changed.name} has changed its role in an earlier demo: start again with --fresh, which ` +
        `deletes the data in ${place.dir}`,
    );
  }
  for (const standby of standbys) standby.follow(primary);
  // Standbys that are not asked for this time would miss what is written meanwhile.
  for (let id = standbys.length + 1; id <= MAX_STANDBYS; id++) removeDataDir(place, id);
}

function removeDataDir(place: Place, id: number): void {
  rmSync(place.dataDir(id), { recursive: true, force: true });
}

async function startAll(
  primary: PostgresServer,
  standbys: readonly PostgresServer[],
  say: (text: string) => void,
): Promise<void> {
  say(`starting the primary on port ${primary.port}`);
  await primary.start();
  for (const standby of standbys) {
    say(`starting ${standby.name}, a standby, on port ${standby.port}`);
  }
  await Promise.all(standbys.map((standby) => standby.start()));
  await waitForStreaming(primary, standbys.map(({ name }) => name), 60_000);
}
