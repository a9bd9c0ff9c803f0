import type { Clock } from "./clock.ts";
import type { CommandOptions, CommandResult } from "./command-runner.ts";
import type { Effect, LogEntry } from "./effects.ts";

/** Runs a command and tells how it ended; never fails. */
export type RunCommand = (options: CommandOptions) => Promise<CommandResult>;

/** Milliseconds between two reminders that a command is still running. */
const REMINDER = 60_000;

/** The operator's commands that run now. */
export class Commands {
  readonly #run: RunCommand;
  readonly #clock: Clock;
  readonly #log: (entry: LogEntry) => void;
  readonly #running = new Map<number, { stop: AbortController; ended: Promise<void> }>();

  constructor(run: RunCommand, clock: Clock, log: (entry: LogEntry) => void) {
    this.#run = run;
    this.#clock = clock;
    this.#log = log;
  }

  /** Starts a command; `ended` is called once, when it has ended in whatever way. */
  start(command: Extract<Effect, { type: "command" }>, ended: () => void): void {
    const { name, template, values, deadline: deadlineMs, run } = command;
    const stop = new AbortController();
    const cancelReminder = this.#remind(name, this.#clock.now());
    const options = { name, template, values, deadlineMs, log: this.#log, stop: stop.signal };
    const running = this.#run(options).then(() => {
      cancelReminder();
      this.#running.delete(run);
      ended();
    });
    this.#running.set(run, { stop, ended: running });
  }

  /** Makes a command end. */
  stop(run: number): void {
    this.#running.get(run)?.stop.abort();
  }

  /** Makes all commands end and waits until they have. */
  async close(): Promise<void> {
    const running = [...this.#running.values()];
    for (const { stop } of running) stop.abort();
    await Promise.all(running.map(({ ended }) => ended));
  }

  /** A command that hangs holds up whatever is to come: the operator has to know. */
  #remind(name: string, since: number): () => void {
    let cancel = () => {};
    const plan = () => {
      cancel = this.#clock.after(REMINDER, () => {
        const seconds = Math.round((this.#clock.now() - since) / 1000);
        this.#log({
          severity: "warning",
          text: `${name} has been running for ${seconds} seconds`,
          hint: "failover_command_timeout ends it after a given time.",
        });
        plan();
      });
    };
    plan();
    return () => cancel();
  }
}
