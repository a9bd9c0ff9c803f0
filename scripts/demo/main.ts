/** scripts/run: a demo of pgpool in front of a primary and its standbys. */
import { constants } from "node:os";
import { join } from "node:path";
import { serverAccount } from "../../tests/support/account.ts";
import { cleanUp } from "../../tests/support/clean-up.ts";
import { type HeldPort, holdPort } from "../../tests/support/ports.ts";
import { type PostgresServer, SUPERUSER } from "../../tests/support/postgres.ts";
import { startCluster, stopCluster } from "./cluster.ts";
import { ShellCommand } from "./command.ts";
import { showFailover } from "./failover/show.ts";
import { type DemoOptions, HELP, parseOptions, UsageError } from "./options.ts";
import { DemoError, enterPlace, type Place } from "./place.ts";
import { DATABASE, HOST, type Pool, poolNodes, startPool } from "./pool.ts";
import { formatTable } from "./table.ts";

const DEFAULT_PORT = 9999;
const DEFAULT_PCP_PORT = 9898;
const DEFAULT_METRICS_PORT = 9719;

/** Ends of a run that are not an error of ours: 2 as every Unix command, 128 + signal. */
const USAGE_STATUS = 2;

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** The first SIGINT, SIGTERM or SIGHUP that this process gets. */
class Interruption {
  readonly #signal = Promise.withResolvers<NodeJS.Signals>();
  readonly signal = this.#signal.promise;
  /** Called for every signal, also later ones. */
  onSignal: (signal: NodeJS.Signals) => void = this.#signal.resolve;

  constructor() {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.on(signal, () => this.onSignal(signal));
    }
  }

  /** The promise's value, unless a signal comes first. */
  async before<T>(promise: Promise<T>): Promise<T> {
    return await Promise.race([
      promise,
      this.signal.then((signal) => {
        throw new Interrupted(signal);
      }),
    ]);
  }
}

class Interrupted extends Error {
  override readonly name = "Interrupted";

  constructor(readonly signal: NodeJS.Signals) {
    super(`interrupted by ${signal}`);
  }

  get status(): number {
    return 128 + constants.signals[this.signal];
  }
}

/** Runs the demo and gives the exit status. */
async function demo(options: DemoOptions): Promise<number> {
  const interruption = new Interruption();
  const place = await enterPlace(options.dir, options.fresh, serverAccount(), say);
  const servers: PostgresServer[] = [];
  let pool: Pool | undefined;
  try {
    // Held until pgpool takes them, so that another demo that starts now chooses others.
    const port = await choosePort(options.port);
    const pcp = await holdPort(DEFAULT_PCP_PORT) ?? await holdAnyPort();
    const metrics = await holdPort(DEFAULT_METRICS_PORT) ?? await holdAnyPort();
    servers.push(...await interruption.before(startCluster(place, options.standbys, say)));
    say(`starting pgpool on port ${port.port}`);
    await Promise.all([port.release(), pcp.release(), metrics.release()]);
    const ports = { port: port.port, pcpPort: pcp.port, metricsPort: metrics.port };
    pool = await interruption.before(startPool(place, servers, ports));
    const status = await run(options, place, pool, servers, interruption);
    say("stopping");
    return status;
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    say("interrupted, stopping");
    return error.status;
  } finally {
    if (pool?.process.running) await pool.process.stop("SIGINT");
    await stopCluster(servers);
    // Whatever had been started when a start failed or was interrupted.
    await cleanUp();
    place.leave();
  }
}

async function run(
  { exec, failoverDemo }: DemoOptions,
  place: Place,
  pool: Pool,
  servers: readonly PostgresServer[],
  interruption: Interruption,
): Promise<number> {
  if (failoverDemo) {
    const print = (line: string) => void process.stdout.write(`${line}\n`);
    return await interruption.before(showFailover(pool, servers, print));
  }
  return exec === null
    ? await runUntilInterrupted(place, pool, interruption)
    : await runCommand(exec, pool, interruption);
}

/** The port asked for has to be free; the usual one is given up when somebody has it. */
async function choosePort(asked: number | null): Promise<HeldPort> {
  const wanted = await holdPort(asked ?? DEFAULT_PORT);
  if (wanted !== null) return wanted;
  if (asked !== null) throw new DemoError(`port ${asked} is in use: choose another with --port`);
  const other = await holdAnyPort();
  say(`port ${DEFAULT_PORT} is in use, taking ${other.port} instead`);
  return other;
}

async function holdAnyPort(): Promise<HeldPort> {
  const held = await holdPort(0);
  if (held === null) throw new DemoError("this machine has no free port");
  return held;
}

async function runUntilInterrupted(
  place: Place,
  pool: Pool,
  interruption: Interruption,
): Promise<number> {
  process.stdout.write(`
pgpool is running. Connect with

  psql -h ${HOST} -p ${pool.port} -U ${SUPERUSER} ${DATABASE}

${formatTable(await poolNodes(pool))}
configuration  ${pool.configFile}  (after a change: kill -HUP ${pool.process.pid})
logs           ${place.log}
PCP            port ${pool.pcpPort}, PCPPASSFILE=${pool.pcpPassFile}
metrics        http://${HOST}:${pool.metricsPort}/metrics

Ctrl-C stops everything.
`);
  const end = await Promise.race([interruption.signal, pool.process.exited]);
  if (typeof end === "string") return 0;
  say(`pgpool has ended with status ${end}, see ${place.log}/pgpool.log`);
  return 1;
}

async function runCommand(
  command: string,
  pool: Pool,
  interruption: Interruption,
): Promise<number> {
  const shell = new ShellCommand(command, {
    PGHOST: HOST,
    PGPORT: String(pool.port),
    PGUSER: SUPERUSER,
    PGDATABASE: DATABASE,
    PCPPORT: String(pool.pcpPort),
    PCPPASSFILE: pool.pcpPassFile,
  });
  interruption.onSignal = (signal) => void shell.interrupt(signal);
  return await shell.exited;
}

/** Compiles pgpool when its sources have changed. */
function prepare(): void {
  const { exitCode } = Bun.spawnSync({
    cmd: [join(import.meta.dir, "../lib/prepare-demo")],
    stdio: ["ignore", process.stderr.fd, process.stderr.fd],
  });
  if (exitCode !== 0) throw new DemoError("pgpool could not be compiled");
}

async function main(): Promise<number> {
  try {
    const options = parseOptions(process.argv.slice(2));
    if (options.help) {
      process.stdout.write(HELP);
      return 0;
    }
    prepare();
    return await demo(options);
  } catch (error) {
    say(`run: ${describe(error)}`);
    return error instanceof UsageError ? USAGE_STATUS : 1;
  }
}

/** The message, and the cause's where there is one. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}: ${describe(error.cause)}`;
}

process.exit(await main());
