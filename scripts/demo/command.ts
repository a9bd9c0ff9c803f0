import { isatty } from "node:tty";
import { sendSignal } from "../../tests/support/server-process.ts";
import { within } from "../../tests/support/wait.ts";

/** How long a command may take to end when it is told to. */
const GRACE_MS = 5000;

/** A person's command, running in a shell with our standard input, output and error. */
export class ShellCommand {
  /** Its exit status, 128 + signal number when a signal ended it. */
  readonly exited: Promise<number>;
  readonly #pid: number;
  readonly #interactive = isatty(0);

  constructor(command: string, env: Readonly<Record<string, string>>) {
    const child = Bun.spawn({
      cmd: ["setpriv", "--pdeathsig", "TERM", "--", "/bin/sh", "-c", command],
      env: { ...process.env, ...env },
      stdio: ["inherit", "inherit", "inherit"],
      // At a terminal the command has to stay in the foreground, to read and to get Ctrl-C itself;
      // elsewhere it gets a group of its own that can be ended as a whole.
      detached: !this.#interactive,
    });
    this.#pid = child.pid;
    this.exited = child.exited;
  }

  /**
   * What a signal to us means: Ctrl-C at a terminal has reached the command already, and psql only
   * cancels a query by it; anything else ends the command.
   */
  async interrupt(signal: NodeJS.Signals): Promise<void> {
    if (this.#interactive && signal === "SIGINT") return;
    const target = this.#interactive ? this.#pid : -this.#pid;
    sendSignal(target, "SIGTERM");
    await within(this.exited, { what: "the command to end", deadlineMs: GRACE_MS }).catch(() =>
      sendSignal(target, "SIGKILL")
    );
  }
}
