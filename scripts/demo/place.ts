/**
 * The demo's directory: what may be there, where it really is, and that only one demo at a time
 * uses it.
 */
import { createHash } from "node:crypto";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { type Account, canReach, give } from "../../tests/support/account.ts";
import { commandLine, sendSignal } from "../../tests/support/server-process.ts";
import { MAX_SOCKET_PATH } from "../../tests/support/temp.ts";
import { waitFor } from "../../tests/support/wait.ts";

/** Says that the demo cannot be had as asked; the message is for the person who asked. */
export class DemoError extends Error {
  override readonly name = "DemoError";
}

/** Marks a directory as a demo's, so that nothing else is ever deleted. */
const MARKER = ".pgpool-demo";

/** Where root's demos live when the servers cannot reach the directory asked for. */
const ELSEWHERE = "/var/lib/pgpool-demo";

export interface Place {
  /** The directory as asked for. */
  readonly dir: string;
  /** etc/ holds pgpool's configuration, log/ every log, run/ sockets and pid files. */
  readonly etc: string;
  readonly log: string;
  readonly run: string;
  readonly account: Account | null;
  dataDir(id: number): string;
  /** Gives the directory free for the next demo. */
  leave(): void;
}

/** Makes the directory ready, and ends what a demo that was killed has left running in it. */
export async function enterPlace(
  asked: string,
  fresh: boolean,
  account: Account | null,
  say: (text: string) => void,
): Promise<Place> {
  const dir = locate(resolve(asked), account, say);
  const pidFile = join(dir, "demo.pid");
  claim(asked, pidFile);
  await endLeftovers(dir);
  if (fresh) empty(dir, pidFile);
  const etc = join(dir, "etc");
  const log = join(dir, "log");
  const run = socketDirectory(dir, account);
  // etc/ stays ours: only what is in it is for the servers to read.
  for (const path of [etc, log, run]) mkdirSync(path, { recursive: true, mode: 0o755 });
  for (const path of [log, run]) give(path, account);
  return {
    dir,
    etc,
    log,
    run,
    account,
    dataDir: (id) => join(dir, `data${id}`),
    leave: () => rmSync(pidFile, { force: true }),
  };
}

/** The directory to use: the one asked for, or one that the servers can reach, linked from it. */
function locate(asked: string, account: Account | null, say: (text: string) => void): string {
  const info = lstatSync(asked, { throwIfNoEntry: false });
  const isLink = info?.isSymbolicLink() ?? false;
  let dir = asked;
  if (isLink && existsSync(asked)) {
    dir = realpathSync(asked);
  } else {
    if (isLink) rmSync(asked);
    if (!canReach(asked, account)) {
      dir = join(ELSEWHERE, createHash("sha256").update(asked).digest("hex").slice(0, 12));
      if (info?.isDirectory()) {
        throw new DemoError(
          `${asked} cannot be read by the account that the servers run as (${account?.name}): ` +
            `remove it or choose another place with --dir`,
        );
      }
      mkdirSync(dirname(asked), { recursive: true });
      mkdirSync(dir, { recursive: true, mode: 0o755 });
      symlinkSync(dir, asked);
      say(`the servers cannot read ${dirname(asked)}: the demo's data are in ${dir}`);
    }
  }
  const marker = join(dir, MARKER);
  if (existsSync(dir) && !existsSync(marker) && readdirSync(dir).length > 0) {
    throw new DemoError(`${asked} is not empty and not a demo: choose another with --dir`);
  }
  mkdirSync(dir, { recursive: true, mode: 0o755 });
  writeFileSync(marker, "Made by pgpool's scripts/run; --fresh deletes what is in here.\n");
  return dir;
}

/** Takes the directory for this process, or says who has it. */
function claim(asked: string, pidFile: string): void {
  for (;;) {
    try {
      writeFileSync(pidFile, String(process.pid), { flag: "wx" });
      return;
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    }
    const owner = Number(readFileSync(pidFile, "utf8"));
    if (commandLine(owner).some((argument) => argument.endsWith("demo/main.ts"))) {
      throw new DemoError(
        `a demo in ${asked} is running already (process ${owner}): stop it, or give this one ` +
          `another directory with --dir`,
      );
    }
    rmSync(pidFile, { force: true });
  }
}

/**
 * Servers end by themselves when the demo is killed; this waits for those that are still about to,
 * and kills those that do not.
 */
async function endLeftovers(dir: string): Promise<void> {
  const left = () => leftovers(dir);
  if (left().length === 0) return;
  for (const pid of left()) sendSignal(pid, "SIGQUIT");
  const gone = { what: `the servers of an earlier demo in ${dir} to end`, deadlineMs: 10_000 };
  await waitFor(() => left().length === 0, gone).catch(async () => {
    for (const pid of left()) sendSignal(pid, "SIGKILL");
    await waitFor(() => left().length === 0, gone);
  });
}

/** Processes that were started with a file or directory of this demo in their command line. */
function leftovers(dir: string): number[] {
  return readdirSync("/proc").filter((entry) => /^\d+$/.test(entry)).map(Number).filter((pid) => {
    const [program = "", ...args] = commandLine(pid);
    return /(^|\/)(postgres|pgpool|[0-9a-f]{12})$/.test(program) &&
      args.some((argument) => argument.startsWith(`${dir}/`));
  });
}

function empty(dir: string, pidFile: string): void {
  for (const name of readdirSync(dir)) {
    const path = join(dir, name);
    if (name !== MARKER && path !== pidFile) rmSync(path, { recursive: true, force: true });
  }
}

/** run/ in the demo's directory, or somewhere shorter when socket names would not fit. */
function socketDirectory(dir: string, account: Account | null): string {
  const run = join(dir, "run");
  if (join(run, ".s.PGSQL.65535").length <= MAX_SOCKET_PATH) return run;
  const name = createHash("sha256").update(dir).digest("hex").slice(0, 12);
  const short = `/tmp/pgpool-demo-${name}`;
  mkdirSync(short, { recursive: true, mode: 0o755 });
  const owner = lstatSync(short);
  const ours = owner.uid === (account?.uid ?? process.getuid?.()) ||
    owner.uid === process.getuid?.();
  if (!owner.isDirectory() || !ours) {
    throw new DemoError(`${short} belongs to somebody else: choose a shorter path with --dir`);
  }
  return short;
}
