import { closeSync, constants, openSync, readdirSync, readFileSync } from "node:fs";
import { type Account, asAccount } from "./account.ts";
import { onCleanUp } from "./clean-up.ts";
import { DeadlineError, within } from "./wait.ts";

export interface ServerCommand {
  readonly command: readonly string[];
  readonly account: Account | null;
  readonly cwd: string;
  /** Standard output and standard error are appended to it. */
  readonly logFile: string;
  /** Added to a plain environment without anything about PostgreSQL. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A server in the foreground, in a session of its own, that ends when this process does. */
export class ServerProcess {
  readonly pid: number;
  /** Exit status, 128 + signal number when a signal ended it. */
  readonly exited: Promise<number>;
  #running = true;

  constructor({ command, account, cwd, logFile, env }: ServerCommand) {
    // The log may lie where the account can write: never follow a link that it put there.
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND |
      constants.O_NOFOLLOW;
    const log = openSync(logFile, flags, 0o644);
    try {
      // The death signal is set after the change of account, which would clear it. Terminal signals
      // such as Ctrl-C do not reach a session of its own: whoever started it stops it in order.
      const child = Bun.spawn({
        cmd: [...asAccount(account, ["setpriv", "--pdeathsig", "QUIT", "--", ...command])],
        cwd,
        env: { ...plainEnvironment(), ...env },
        stdio: ["ignore", log, log],
        detached: true,
      });
      this.pid = child.pid;
      this.exited = child.exited.then((status) => {
        this.#running = false;
        forget();
        return status;
      });
    } finally {
      closeSync(log);
    }
    const forget = onCleanUp(() => this.kill());
  }

  get running(): boolean {
    return this.#running;
  }

  signal(signal: NodeJS.Signals): void {
    if (this.#running) sendSignal(this.pid, signal);
  }

  /**
   * Sends the signal and waits for the end; when that takes longer than the deadline everything is
   * killed and a DeadlineError thrown.
   */
  async stop(signal: NodeJS.Signals, deadlineMs = 20_000): Promise<number> {
    this.signal(signal);
    // A stopped process would not hear it.
    this.signal("SIGCONT");
    try {
      return await within(this.exited, { what: `process ${this.pid} to end`, deadlineMs });
    } catch (error) {
      if (error instanceof DeadlineError) await this.kill();
      throw error;
    }
  }

  /** Kills the process and all that it has started. */
  async kill(): Promise<void> {
    const family = this.#running ? this.family() : [];
    for (const pid of family) sendSignal(pid, "SIGKILL");
    await within(this.exited, { what: `process ${this.pid} to die` });
  }

  /** Process ids of the server and of everything it has started, parents first. */
  family(): number[] {
    return [this.pid, ...descendants(this.pid)];
  }
}

/** Sends a signal; a process that is gone already is not an error. */
export function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

/** All processes below the given one, parents before their children. */
export function descendants(pid: number): number[] {
  const children = new Map<number, number[]>();
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const parent = parentOf(Number(entry));
    if (parent !== null) children.set(parent, [...children.get(parent) ?? [], Number(entry)]);
  }
  const found: number[] = [];
  const queue = [pid];
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const below = children.get(next) ?? [];
    found.push(...below);
    queue.push(...below);
  }
  return found;
}

/** The arguments of a running process, empty when there is none of that id. */
export function commandLine(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(0, -1);
  } catch {
    return [];
  }
}

function parentOf(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // pid (name) state ppid …; the name may hold blanks and brackets.
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    return null;
  }
}

function plainEnvironment(): Record<string, string> {
  return {
    PATH: process.env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin",
    HOME: "/",
    LC_ALL: "C.UTF-8",
    ...(process.env["TZ"] === undefined ? {} : { TZ: process.env["TZ"] }),
  };
}
