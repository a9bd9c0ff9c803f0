/** --failover-demo: the primary dies under load, and what happens then. */
import type { PostgresServer } from "../../../tests/support/postgres.ts";
import { pgpoolBinary } from "../../../tests/support/programs.ts";
import { HOST, PCP_USER, type Pool, poolNodes } from "../pool.ts";
import { formatTable } from "../table.ts";
import { Load } from "./load.ts";
import { LogWatch } from "./log-watch.ts";
import { Timeline } from "./timeline.ts";

/** Longest time until writes work again, in milliseconds. */
const WRITES_DEADLINE = 30_000;
/** Longest time for the failover to be over with all standbys, in milliseconds. */
const FAILOVER_DEADLINE = 120_000;
const LOOK_MS = 200;
/** Rows before the primary dies, and after everything is well again. */
const ROWS = 300;

/** Kills the primary under load, and has the pool recover from it. Gives the exit status. */
export async function showFailover(
  pool: Pool,
  servers: readonly PostgresServer[],
  print: (line: string) => void,
): Promise<number> {
  const timeline = new Timeline(print);
  const load = new Load(pool.port);
  const primary = await primaryId(pool);
  const server = servers[primary];
  if (server === undefined) throw new Error("the pool has no primary");
  print("\n      time  who      what\n");
  await load.start();
  await load.written(ROWS, WRITES_DEADLINE);
  load.onFirstFailure = ({ text }) => timeline.add("clients", `first error: ${text}`);
  const watch = new LogWatch(pool.logFile, (text) => timeline.add("pgpool", text));
  try {
    timeline.begin();
    timeline.add("demo", `node ${primary}, the primary, is killed (SIGKILL to all its processes)`);
    await server.kill();
    if (!await load.written(1, WRITES_DEADLINE)) {
      timeline.add("clients", `no row was written within ${WRITES_DEADLINE / 1000} seconds`);
      return 1;
    }
    timeline.add("clients", `rows are written again, on node ${await primaryId(pool)}`);
    await untilOthersAreUp(pool, primary);
    timeline.add("demo", `pgpool pcp recovery-node ${primary}`);
    const status = await recoverNode(pool, primary, timeline);
    await load.written(ROWS, WRITES_DEADLINE);
    const lost = await load.stop();
    summarize(load, lost, print);
    print(formatTable(await poolNodes(pool)));
    return status;
  } finally {
    watch.close();
  }
}

async function primaryId(pool: Pool): Promise<number> {
  const nodes = await poolNodes(pool);
  return nodes.findIndex(({ role }) => role === "primary");
}

/** Standbys are made to follow the new primary one after another. */
async function untilOthersAreUp(pool: Pool, failed: number): Promise<void> {
  const end = performance.now() + FAILOVER_DEADLINE;
  while (performance.now() < end) {
    const nodes = await poolNodes(pool);
    const others = nodes.filter((_, id) => id !== failed);
    if (others.every(({ status }) => status === "up" || status === "waiting")) return;
    await Bun.sleep(LOOK_MS);
  }
}

/** Runs the command that an operator runs, and tells what it says. */
async function recoverNode(pool: Pool, node: number, timeline: Timeline): Promise<number> {
  const child = Bun.spawn({
    cmd: [
      ...[pgpoolBinary(null), "pcp", "recovery-node", "-w", "-y"],
      ...["-h", HOST, "-p", String(pool.pcpPort), "-U", PCP_USER, String(node)],
    ],
    env: { ...process.env, PCPPASSFILE: pool.pcpPassFile },
    stdout: "pipe",
    stderr: "pipe",
  });
  const tell = async (stream: ReadableStream<Uint8Array>) => {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const bytes of stream) {
      const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (line !== "") timeline.add("pcp", line);
    }
  };
  await Promise.all([tell(child.stdout), tell(child.stderr)]);
  const status = await child.exited;
  if (status !== 0) timeline.add("demo", `the recovery has failed (exit status ${status})`);
  return status === 0 ? 0 : 1;
}

function summarize(load: Load, lost: number, print: (line: string) => void): void {
  const kinds = new Map<string, number>();
  for (const { text } of load.failures) kinds.set(text, (kinds.get(text) ?? 0) + 1);
  print(`
What the clients saw

  rows that were acknowledged    ${load.acknowledged.size}
  of these, not there any more   ${lost}  (replication is asynchronous here)
  longest time without a row     ${(load.longestPause / 1000).toFixed(1)} s
  errors                         ${load.failures.length}`);
  for (const [text, count] of kinds) print(`    ${String(count).padStart(4)} ×  ${text}`);
  print("");
}
