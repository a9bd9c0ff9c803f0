import { PcpClientError, type PcpConnection } from "../../lib/pcp/client.ts";
import type { PoolActivity } from "../../lib/pcp/statistics.ts";
import { EXIT, type ExitStatus } from "../exit-status.ts";
import { CommandFailure } from "../output.ts";
import { withConnection } from "../pcp/connect.ts";
import {
  type ConnectionOptions,
  connectOptions,
  passwordPrompt,
  QUESTION_SECONDS,
} from "../pcp/connection-options.ts";
import { choosePassword } from "../pcp/password.ts";
import { sampleOf } from "./sample.ts";
import { ScreenView } from "./screen.ts";
import { PlainView, type TopView } from "./view.ts";

/** Options of `pgpool top`. */
export interface TopOptions extends ConnectionOptions {
  /** Seconds. */
  readonly interval: number;
  /** Samples after which it ends; undefined: never. */
  readonly count?: number;
  readonly sessions: number;
  readonly json?: boolean;
}

/** Shows what a pool does, again and again. @throws {CommandFailure} */
export async function top(options: TopOptions): Promise<ExitStatus> {
  const target = connectOptions({ timeout: QUESTION_SECONDS, ...options });
  const password = await choosePassword(target, passwordPrompt(options.password));
  const json = options.json ?? false;
  const isLive = process.stdout.isTTY && !json;
  const view: TopView = isLive ? new ScreenView(options.interval) : new PlainView(json);
  const watch = new Watch(view, options);
  try {
    while (!watch.over) {
      try {
        await withConnection(target, password, (connection) => watch.follow(connection));
      } catch (error) {
        if (!(error instanceof CommandFailure) || !view.survives()) throw error;
        await watch.rest(error.message);
      }
    }
  } finally {
    view.close();
  }
  return EXIT.ok;
}

/** Looks at a pool at intervals, over one connection after another if need be. */
class Watch {
  over = false;
  readonly #view: TopView;
  readonly #options: TopOptions;
  #before: PoolActivity | undefined;
  #shown = 0;

  constructor(view: TopView, options: TopOptions) {
    this.#view = view;
    this.#options = options;
  }

  /** Shows samples until there have been enough, or the connection fails. */
  async follow(connection: PcpConnection): Promise<void> {
    while (!this.over) {
      const activity = await activityOf(connection, this.#options.sessions);
      if (this.#before !== undefined || this.#view.showsFirst) {
        this.#view.show(sampleOf(this.#before, activity));
        this.#shown++;
      }
      this.#before = activity;
      await this.rest();
    }
  }

  /** Waits for the next look, if there is to be one. */
  async rest(trouble?: string): Promise<void> {
    if (trouble !== undefined) this.#view.tell(trouble);
    const { count = Infinity, interval } = this.#options;
    this.over = this.#shown >= count;
    if (!this.over) await this.#view.wait(interval);
  }
}

async function activityOf(connection: PcpConnection, sessions: number): Promise<PoolActivity> {
  try {
    return await connection.activity(sessions);
  } catch (cause) {
    if (!(cause instanceof PcpClientError) || cause.kind !== "refused") throw cause;
    throw new CommandFailure(
      "refused",
      "the pool does not tell what it is doing",
      "Pgpool-II can not be asked for this; pgpool pcp node-info and proc-info work with it.",
      EXIT.refused,
      { cause },
    );
  }
}
