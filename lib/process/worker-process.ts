import type { Subprocess } from "bun";
import type { SupervisorMessage, WorkerMessage } from "./messages.ts";

/** Environment variable by which a process knows that it is a worker, and which. */
export const WORKER_VARIABLE = "PGPOOL_WORKER";
/** First descriptor after stdin, stdout and stderr. */
export const FIRST_FD = 3;

/** A worker as the supervisor sees it. */
export class WorkerProcess {
  readonly #child: Subprocess;
  ready = false;
  drained = false;

  /**
   * @param fds listening sockets that the worker inherits, from descriptor 3 on.
   * @param onExit tells what ended the worker: an exit code or a signal.
   */
  constructor(
    readonly number: number,
    fds: readonly number[],
    onMessage: (worker: WorkerProcess, message: WorkerMessage) => void,
    onExit: (worker: WorkerProcess, reason: string) => void,
  ) {
    this.#child = Bun.spawn([process.execPath, ...scriptArguments()], {
      argv0: `pgpool: worker ${number}`,
      env: { ...process.env, [WORKER_VARIABLE]: String(number) },
      stdio: ["ignore", "inherit", "inherit", ...fds],
      serialization: "json",
      ipc: (message: WorkerMessage) => onMessage(this, message),
      onExit: (_child, code, signal) => {
        onExit(this, signal === null ? `exit code ${code}` : `signal ${signal}`);
      },
    });
  }

  get pid(): number {
    return this.#child.pid;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  send(message: SupervisorMessage): void {
    if (this.running) this.#child.send(message);
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  get exited(): Promise<number> {
    return this.#child.exited;
  }
}

/** A compiled binary is started by itself, a script by the runtime. */
function scriptArguments(): string[] {
  const script = process.argv[1];
  return script === undefined || script.startsWith("/$bunfs/") ? [] : [script];
}
