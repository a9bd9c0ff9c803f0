/** scripts/bench: pgpool beside its peers, on this machine. */
import { writeFileSync } from "node:fs";
import { serverAccount } from "../../tests/support/account.ts";
import { cleanUp } from "../../tests/support/clean-up.ts";
import { clientProgram } from "../../tests/support/clients.ts";
import { debianProgram, type Program } from "../../tests/support/debian.ts";
import { TestCluster } from "../../tests/support/cluster.ts";
import { tempDir } from "../../tests/support/temp.ts";
import { formatGoals, judge, type Results } from "./goals.ts";
import { type GrowthResult, measureGrowth } from "./growth.ts";
import { measureIdle } from "./idle.ts";
import { Interrupted, Interruption } from "./interruption.ts";
import { describeMachine, type Machine, pgpoolProgram, postgresProgram } from "./machine.ts";
import { type Run, runMatrix } from "./matrix.ts";
import { type BenchOptions, parseOptions, type TargetName } from "./options.ts";
import { Pgbench } from "./pgbench.ts";
import { prepare } from "./programs.ts";
import { formatGrowth, formatIdle, formatLines, formatMachine, formatRouting } from "./report.ts";
import { measureRouting } from "./routing.ts";
import { summarize } from "./summary.ts";
import { POOLED_PER_CLIENT, POOLER_CLIENTS, startTarget, type Target } from "./targets.ts";

const SCALE = 10;
/** Poolers that may each keep all their connections, and the connections of pgbench itself. */
const POOLERS = 4;
const SERVER_SETTINGS = {
  shared_buffers: "256MB",
  max_connections: POOLERS * POOLER_CLIENTS * POOLED_PER_CLIENT + 100,
  max_wal_size: "4GB",
  checkpoint_timeout: "1h",
  wal_keep_size: "1GB",
};

/** Version of the file that --json writes. */
const JSON_FORMAT = 1;

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** What could not be measured, and why. */
interface LeftOut {
  readonly name: string;
  readonly reason: string;
}

interface Measured extends Results {
  readonly machine: Machine;
  readonly runs: readonly Run[];
  readonly leftOut: readonly LeftOut[];
}

/** One benchmark, from fetching programs to the last figure. */
class Bench {
  readonly #leftOut: LeftOut[] = [];
  readonly #dir = tempDir("pgb");
  readonly #account = serverAccount();

  constructor(readonly options: BenchOptions, readonly signal: AbortSignal) {}

  async run(): Promise<Measured> {
    const { options } = this;
    const hasPgpool = this.#needsPgpool() && this.#prepare("pgpool");
    const routing = options.routing ? await this.#routing() : [];
    const idle = options.idle > 0 && hasPgpool
      ? await this.#orLeftOut("idle clients", measureIdle(options.idle, this.#dir, say))
      : null;
    const { runs, growth } = await this.#withServers(hasPgpool);
    const programs = this.#programs(hasPgpool);
    return {
      machine: describeMachine(programs),
      runs,
      lines: summarize(runs),
      idle,
      growth,
      routing,
      leftOut: this.#leftOut,
    };
  }

  #needsPgpool(): boolean {
    const { workloads, targets, idle, growth } = this.options;
    const inTable = workloads.length > 0 && targets.some(isPgpool);
    return inTable || idle > 0 || growth > 0;
  }

  async #routing() {
    say("measuring the cost of routing");
    return await measureRouting();
  }

  /** The table and the growth of memory: what needs PostgreSQL and pgbench. */
  async #withServers(hasPgpool: boolean): Promise<{ runs: Run[]; growth: GrowthResult | null }> {
    const { workloads, targets, rounds, seconds, growth } = this.options;
    const nothing = { runs: [], growth: null };
    if (workloads.length === 0 && growth === 0) return nothing;
    if (!this.#prepare("pgbench")) return nothing;
    const pgbench = new Pgbench(clientProgram("pgbench") ?? "pgbench", this.#dir, this.signal);
    await using cluster = await this.#startCluster(pgbench);
    let runs: Run[] = [];
    if (workloads.length > 0) {
      const started = await this.#startTargets(cluster, targets, hasPgpool);
      const matrix = { pgbench, cluster, targets: started, workloads, rounds, seconds, say };
      runs = await runMatrix(matrix);
      for (const { process } of started) await process?.kill();
    }
    return {
      runs,
      growth: growth > 0 && hasPgpool ? await this.#growth(pgbench, cluster) : null,
    };
  }

  async #startCluster(pgbench: Pgbench): Promise<TestCluster> {
    say("starting a primary and a standby");
    const cluster = await TestCluster.start({ standbys: 1, settings: SERVER_SETTINGS });
    say(`filling pgbench's tables (scale ${SCALE})`);
    await pgbench.initialise(cluster.primary.port, SCALE);
    await cluster.waitForReplay(120_000);
    return cluster;
  }

  async #startTargets(
    cluster: TestCluster,
    names: readonly TargetName[],
    hasPgpool: boolean,
  ): Promise<Target[]> {
    const targets: Target[] = [];
    for (const name of names) {
      if (isPgpool(name) && !hasPgpool) continue;
      if ((name === "pgbouncer" || name === "pgpool2") && !this.#prepare(name)) continue;
      this.signal.throwIfAborted();
      say(`starting ${name}`);
      const target = await this.#startTarget(cluster, name);
      if (target !== null) targets.push(target);
    }
    return targets;
  }

  async #startTarget(cluster: TestCluster, name: TargetName): Promise<Target | null> {
    return await this.#orLeftOut(
      name,
      startTarget(name, { cluster, dir: this.#dir, account: this.#account }),
    );
  }

  /** A pgpool of its own: what the table has done to another does not count. */
  async #growth(pgbench: Pgbench, cluster: TestCluster): Promise<GrowthResult | null> {
    const target = await this.#startTarget(cluster, "pgpool");
    if (target === null) return null;
    return await this.#orLeftOut(
      "growth",
      measureGrowth(pgbench, target, this.options.growth, say),
    );
  }

  /** Makes a program available, or notes that what needs it is left out. */
  #prepare(name: "pgpool" | "pgbench" | "pgbouncer" | "pgpool2"): boolean {
    if (prepare(name)) return true;
    const why = name === "pgpool" ? "could not be compiled" : "is not to be had from Debian";
    this.#leftOut.push({ name, reason: `${name} ${why}` });
    return false;
  }

  /** The figures, or null and a note why there are none. */
  async #orLeftOut<T>(name: string, figures: Promise<T>): Promise<T | null> {
    try {
      return await figures;
    } catch (error) {
      this.signal.throwIfAborted();
      const reason = describe(error);
      say(`${name} is left out: ${reason}`);
      this.#leftOut.push({ name, reason });
      return null;
    }
  }

  /** Those that take part. */
  #programs(hasPgpool: boolean): Record<string, Program | null> {
    const { workloads, targets, growth } = this.options;
    const inTable = (name: TargetName) => workloads.length > 0 && targets.includes(name);
    const pgbench = clientProgram("pgbench");
    const withServers = workloads.length > 0 || growth > 0;
    return {
      postgresql: withServers ? postgresProgram() : null,
      pgbench: withServers && pgbench !== null ? { path: pgbench, env: {} } : null,
      pgpool: hasPgpool ? pgpoolProgram() : null,
      pgbouncer: inTable("pgbouncer") ? debianProgram("pgbouncer", this.#account, this.#dir) : null,
      pgpool2: inTable("pgpool2") ? debianProgram("pgpool", this.#account, this.#dir) : null,
    };
  }
}

function isPgpool(name: TargetName): boolean {
  return name === "pgpool" || name === "pgpool-1";
}

function print(options: BenchOptions, measured: Measured): void {
  const { machine, lines, idle, growth, routing, leftOut } = measured;
  const parts = [formatMachine(machine)];
  if (lines.length > 0) {
    const { rounds, seconds } = options;
    parts.push(`pgbench scale ${SCALE}; medians of ${rounds} runs of ${seconds} s each\n`);
    parts.push(formatLines(lines));
  }
  if (idle !== null) parts.push(formatIdle(idle));
  if (growth !== null) parts.push(formatGrowth(growth));
  if (routing.length > 0) parts.push(formatRouting(routing));
  const goals = formatGoals(judge(measured));
  if (goals !== "") parts.push(`goals:\n${goals}`);
  for (const { name, reason } of leftOut) parts.push(`left out: ${name}: ${reason}\n`);
  process.stdout.write(parts.join("\n"));
}

function writeJson(file: string, options: BenchOptions, measured: Measured): void {
  const { seconds, rounds } = options;
  const settings = { seconds, rounds, scale: SCALE, servers: SERVER_SETTINGS };
  const document = {
    format: JSON_FORMAT,
    date: new Date().toISOString(),
    settings,
    ...measured,
    goals: judge(measured),
  };
  writeFileSync(file, `${JSON.stringify(document, null, 2)}\n`);
}

/** The message, and the cause's where there is one. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}: ${describe(error.cause)}`;
}

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2));
  const interruption = new Interruption();
  try {
    const measured = await interruption.before(new Bench(options, interruption.signal).run());
    if (options.json !== null) writeJson(options.json, options, measured);
    print(options, measured);
    return 0;
  } catch (error) {
    say(`bench: ${describe(error)}`);
    return error instanceof Interrupted ? error.status : 1;
  } finally {
    await cleanUp();
    // Whatever was about to start when a signal came.
    await cleanUp();
  }
}

process.exit(await main());
