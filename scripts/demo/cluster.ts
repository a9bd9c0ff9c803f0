/** The demo's PostgreSQL servers. */
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeFileAs } from "../../tests/support/account.ts";
import { waitForStreaming } from "../../tests/support/cluster.ts";
import { freePort } from "../../tests/support/ports.ts";
import { copyDataDir, initdb, PostgresServer } from "../../tests/support/postgres.ts";
import { endPostmaster } from "../../tests/support/postmaster.ts";
import { DemoError, type Place } from "./place.ts";
import { lastPrimary } from "./roles.ts";
import { installRecovery } from "./scripts.ts";

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
  const complete = join(place.dir, ".cluster-complete");
  if (!existsSync(complete)) {
    for (let id = 0; id <= MAX_STANDBYS; id++) removeDataDir(place, id);
    say("creating the primary");
    initdb(place.dataDir(0), place.account);
  }
  const id = lastPrimary((id) => place.dataDir(id), MAX_STANDBYS + 1);
  const primary = servers[id];
  if (primary === undefined) {
    throw new DemoError(
      `node ${id} has become the primary in an earlier demo: ask for at least ` +
        `--standbys ${id}, or for --fresh, which deletes the data in ${place.dir}`,
    );
  }
  const others = servers.filter((server) => server !== primary);
  forgetPort(primary, place);
  prepareStandbys(place, primary, others, say);
  await startAll(primary, others, say);
  if (!existsSync(complete)) {
    await primary.query(`CREATE ROLE ${CHECK_USER} LOGIN; GRANT pg_monitor TO ${CHECK_USER}`);
    writeFileSync(complete, "");
  }
  await installRecovery(servers, primary, place.account);
  return servers;
}

/**
 * The primary stops first, so that the standbys still get all that it has written. Servers that
 * online recovery has started are stopped as well.
 */
export async function stopCluster(servers: readonly PostgresServer[]): Promise<void> {
  const stop = async (server: PostgresServer) => {
    await server.stop("fast");
    await endPostmaster(server.dataDir, "SIGINT");
  };
  const isStandby = (server: PostgresServer) => server.isSetUpAsStandby();
  for (const primary of servers.filter((server) => !isStandby(server))) await stop(primary);
  await Promise.all(servers.filter(isStandby).map(stop));
}

/** Online recovery has set it; the port is another one in every demo. */
function forgetPort({ dataDir }: PostgresServer, { account }: Place): void {
  const file = join(dataDir, "postgresql.auto.conf");
  const lines = readFileSync(file, "utf8").split("\n");
  writeFileAs(account, file, lines.filter((line) => !/^port\b/.test(line)).join("\n"));
}

/** Makes the standbys that are missing, while no server runs. */
function prepareStandbys(
  place: Place,
  primary: PostgresServer,
  standbys: readonly PostgresServer[],
  say: (text: string) => void,
): void {
  for (const standby of standbys) {
    if (existsSync(standby.dataDir) && !standby.isSetUpAsStandby()) {
      say(`${standby.name} was the primary before another one was promoted`);
      rmSync(standby.dataDir, { recursive: true });
    }
    if (!existsSync(standby.dataDir)) {
      say(`creating ${standby.name}, a standby`);
      // Under a name that becomes the standby's only when everything is there.
      const half = `${standby.dataDir}.new`;
      rmSync(half, { recursive: true, force: true });
      copyDataDir(primary.dataDir, half);
      renameSync(half, standby.dataDir);
    }
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
  say(`starting ${primary.name}, the primary, on port ${primary.port}`);
  await primary.start();
  for (const standby of standbys) {
    say(`starting ${standby.name}, a standby, on port ${standby.port}`);
  }
  await Promise.all(standbys.map((standby) => standby.start()));
  await waitForStreaming(primary, standbys.map(({ name }) => name), 60_000);
}
