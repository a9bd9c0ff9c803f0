import { WORKER_VARIABLE } from "./roles.ts";
import { isWorkerMessage } from "./channel.ts";
import type { SupervisorMessage, WorkerMessage } from "./messages.ts";

/** First descriptor after stdin, stdout and stderr. */
export const FIRST_FD = 3;

/** How a worker process is started. */
export interface WorkerCommand {
  readonly command: readonly string[];
  /** Descriptors that the worker has from {@link FIRST_FD} on. */
  readonly descriptors: readonly number[];
  /** Standard error of a worker; this process's own by default. */
  readonly stderr?: (worker: number) => number | undefined;
}

/** How a process ended. */
export interface ProcessEnd {
  readonly code: number | null;
  /** `SIGKILL` */
  readonly signal: string | null;
}

/** What the supervisor hears of a worker. */
export interface WorkerEvents {
  message(worker: WorkerProcess, message: WorkerMessage): void;
  ended(worker: WorkerProcess, end: ProcessEnd): void;
}

/** A worker as its supervisor sees it. */
export class WorkerProcess {
  ready = false;
  readonly startedAt = performance.now();
  readonly pid: number;
  #running = true;
  readonly #send: (message: SupervisorMessage) => void;
  readonly #kill: () => void;

  /** @param number from 1. */
  constructor(readonly number: number, start: WorkerCommand, events: WorkerEvents) {
    const child = Bun.spawn([...start.command], {
      argv0: `pgpool: worker ${number}`,
      env: { ...process.env, [WORKER_VARIABLE]: String(number) },
      stdio: ["ignore", "inherit", start.stderr?.(number) ?? "inherit", ...start.descriptors],
      serialization: "json",
      ipc: (message: unknown) => {
        if (isWorkerMessage(message)) events.message(this, message);
      },
      onExit: (_child, code, signal) => {
        this.#running = false;
        events.ended(this, { code, signal: signal === null ? null : String(signal) });
      },
    });
    this.pid = child.pid;
    this.#send = (message) => child.send(message);
    this.#kill = () => child.kill("SIGKILL");
  }

  get running(): boolean {
    return this.#running;
  }

  send(message: SupervisorMessage): void {
    if (this.#running) this.#send(message);
  }

  kill(): void {
    if (this.#running) this.#kill();
  }
}

/** The command that starts this very program again: a binary alone, a script by the runtime. */
export function ownCommand(): string[] {
  const isCompiled = Bun.main.startsWith("/$bunfs/");
  return isCompiled ? [process.execPath] : [process.execPath, Bun.main];
}
