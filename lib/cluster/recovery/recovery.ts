import { ServerRefused } from "../../pool/errors.ts";
import type { Clock } from "../clock.ts";
import type { LogEntry } from "../effects.ts";
import { describeOutcome, liveness, type PingOutcome } from "../facts.ts";
import { RequestError } from "../requests.ts";
import type { BackendSettings } from "../settings.ts";
import { type ClusterSnapshot, isUsable } from "../types.ts";
import { RecoveryError } from "./error.ts";
import { isValid, planRecovery, type RecoveryPlan } from "./plan.ts";
import type { RecoverySettings } from "./settings.ts";
import { remoteStartStatement, stageStatement } from "./statements.ts";

/** A session of recovery_user on the server that another one is recovered from. */
export interface RecoverySession {
  /**
   * Runs one statement.
   * @param deadline milliseconds
   * @throws {ServerRefused | ServerUnreachable}
   */
  run(statement: string, deadline: number): Promise<void>;
  /** Ends it at once; a statement that runs fails. */
  close(): void;
}

/** What online recovery works with. */
export interface RecoveryWorld {
  readonly settings: () => RecoverySettings;
  readonly snapshot: () => ClusterSnapshot;
  /** Calls the listener with every new snapshot; returns what ends that. */
  readonly onSnapshot: (listener: (snapshot: ClusterSnapshot) => void) => () => void;
  /** @throws {ServerRefused | ServerUnreachable} */
  readonly open: (
    source: BackendSettings,
    onNotice: (text: string) => void,
  ) => Promise<RecoverySession>;
  readonly ping: (node: BackendSettings, deadline: number) => Promise<PingOutcome>;
  /** @throws RequestError */
  readonly attach: (node: number) => Promise<void>;
  /**
   * Lets no new client in; resolves, with what lets them in again, when all have left.
   * @param deadline milliseconds
   * @throws RecoveryError when they have not left by then
   */
  readonly holdClients: (deadline: number) => Promise<() => void>;
  readonly clock: Clock;
  readonly log: (entry: LogEntry) => void;
}

/** Takes what there is to tell while a recovery runs. */
export type RecoveryProgress = (message: string) => void;

/** Milliseconds for a statement that is done quickly. */
const SHORT = 10_000;
/** Milliseconds for a checkpoint, which may have a lot to write. */
const CHECKPOINT_DEADLINE = 600_000;
/** Milliseconds beyond its own limit after which a script is given up. */
const SCRIPT_MARGIN = 15_000;
/** The longest a timer can be set for: a script without a limit. */
const NO_LIMIT = 2 ** 31 - 1;
/** Milliseconds between two looks whether the server takes connections. */
const LOOK_PAUSE = 1000;
const LOOK_DEADLINE = 3000;

/**
 * Online recovery (behaviour.md 12): scripts on the primary, or the main node, copy its data to a
 * node that is down and start a server there, which then is used again. One at a time.
 */
export class OnlineRecovery {
  readonly #world: RecoveryWorld;
  #running: RecoverySession | "starting" | null = null;
  /** Why the recovery that runs has to end. */
  #interruption = "";

  constructor(world: RecoveryWorld) {
    this.#world = world;
  }

  /**
   * Recovers a node. Resolves when it is used again. The steps are logged, a failure is for the
   * asker to log.
   * @throws RecoveryError
   */
  async recover(node: number, progress: RecoveryProgress): Promise<void> {
    if (this.#running !== null) {
      throw new RecoveryError("process recovery request failed", {
        severity: "fatal",
        detail: "pgpool-II is already processing another recovery request.",
      });
    }
    const settings = this.#world.settings();
    const plan = planRecovery(node, settings, this.#world.snapshot());
    const tell = (text: string) => {
      this.#world.log({ severity: "log", text: `online recovery of node ${node}: ${text}` });
      progress(text);
    };
    this.#running = "starting";
    this.#interruption = "";
    const unwatch = this.#world.onSnapshot((snapshot) => {
      if (!isValid(plan, snapshot)) this.#interrupt(`node ${plan.source.id} has changed its role`);
    });
    try {
      await this.#recover(plan, settings, tell);
      this.#world.log({ severity: "log", text: "recovery done" });
    } catch (error) {
      throw this.#interruption === "" ? error : interrupted(this.#interruption, error);
    } finally {
      unwatch();
      this.#running = null;
    }
  }

  /** Ends a recovery that runs, because pgpool stops. */
  stop(): void {
    this.#interrupt("pgpool stops");
  }

  async #recover(
    plan: RecoveryPlan,
    settings: RecoverySettings,
    tell: RecoveryProgress,
  ): Promise<void> {
    const { source, target, isReplicating } = plan;
    tell(`from node ${source.id} (${source.hostname}:${source.port})`);
    const session = await this.#open(source, tell);
    let letClientsIn = () => {};
    try {
      this.#throwInterruption();
      await session.run("SET statement_timeout TO 0", SHORT);
      await session.run(`SET pgpool.script_timeout TO ${settings.scriptTimeout}`, SHORT);
      if (isReplicating) await checkpoint(session, tell);
      await runStage(session, "1st stage", settings.firstStage, plan, settings, tell);
      if (isReplicating) {
        tell("waiting for clients to leave");
        letClientsIn = await this.#world.holdClients(settings.timeout * 1000);
        await checkpoint(session, tell);
        await runStage(session, "2nd stage", settings.secondStage, plan, settings, tell);
      }
      await remoteStart(session, plan, settings, tell);
      await this.#untilStarted(target, settings, tell);
      await this.#attach(target, tell);
    } finally {
      letClientsIn();
      session.close();
    }
  }

  async #open(source: BackendSettings, tell: RecoveryProgress): Promise<RecoverySession> {
    try {
      const session = await this.#world.open(source, tell);
      this.#running = session;
      return session;
    } catch (cause) {
      throw new RecoveryError(
        `node recovery failed, unable to connect to main node: ${source.id} `,
        {
          detail: describe(cause),
          hint: "Check recovery_user, recovery_password and recovery_database.",
          cause,
        },
      );
    }
  }

  async #untilStarted(
    target: BackendSettings,
    { timeout, database, user }: RecoverySettings,
    tell: RecoveryProgress,
  ): Promise<void> {
    tell(`waiting for the server on ${target.hostname}:${target.port}`);
    const { clock, ping } = this.#world;
    const until = clock.now() + timeout * 1000;
    for (;;) {
      const outcome = await ping(target, LOOK_DEADLINE);
      if (liveness(outcome) === "alive") return;
      this.#throwInterruption();
      if (clock.now() >= until) {
        throw new RecoveryError(
          `postmaster on hostname:"${target.hostname}" database:"${database}" user:"${user}" ` +
            `failed to start in ${timeout} second`,
          { detail: describeOutcome(outcome) },
        );
      }
      await new Promise<void>((resolve) => clock.after(LOOK_PAUSE, resolve));
    }
  }

  /** What the node is down for may have ended by itself, now that its server runs. */
  async #attach(target: BackendSettings, tell: RecoveryProgress): Promise<void> {
    tell("attaching the node");
    try {
      await this.#world.attach(target.id);
    } catch (cause) {
      const state = this.#world.snapshot().nodes[target.id];
      if (state !== undefined && isUsable(state)) return;
      if (!(cause instanceof RequestError)) throw cause;
      throw new RecoveryError("node recovery failed, the node was not attached", {
        detail: `The server runs, but the node is ${
          state?.status ?? "unknown"
        } (${cause.message}).`,
        hint: "Attach it by hand: pgpool pcp attach-node.",
        cause,
      });
    }
  }

  #interrupt(reason: string): void {
    if (this.#running === null) return;
    this.#interruption ||= reason;
    if (this.#running !== "starting") this.#running.close();
  }

  #throwInterruption(): void {
    if (this.#interruption !== "") throw interrupted(this.#interruption);
  }
}

async function checkpoint(session: RecoverySession, tell: RecoveryProgress): Promise<void> {
  tell("checkpoint");
  try {
    await session.run("CHECKPOINT", CHECKPOINT_DEADLINE);
  } catch (cause) {
    throw new RecoveryError("node recovery failed, the checkpoint failed", {
      detail: describe(cause),
      cause,
    });
  }
}

async function runStage(
  session: RecoverySession,
  stage: "1st stage" | "2nd stage",
  script: string,
  plan: RecoveryPlan,
  settings: RecoverySettings,
  tell: RecoveryProgress,
): Promise<void> {
  if (script === "") return;
  tell(`${stage}: running "${script}" on node ${plan.source.id}`);
  try {
    await session.run(stageStatement(script, plan), scriptDeadline(settings));
  } catch (cause) {
    throw new RecoveryError(
      `executing recovery, execution of command failed at "${stage}"`,
      { detail: `command:"${script}"\n${describe(cause)}`, hint: hintFor(cause, settings), cause },
    );
  }
}

async function remoteStart(
  session: RecoverySession,
  plan: RecoveryPlan,
  settings: RecoverySettings,
  tell: RecoveryProgress,
): Promise<void> {
  tell(`running "pgpool_remote_start" on node ${plan.source.id}`);
  try {
    await session.run(remoteStartStatement(plan), scriptDeadline(settings));
  } catch (cause) {
    throw new RecoveryError("node recovery failed, the server was not started", {
      detail: describe(cause),
      hint: hintFor(cause, settings),
      cause,
    });
  }
}

function scriptDeadline({ scriptTimeout }: RecoverySettings): number {
  return scriptTimeout === 0 ? NO_LIMIT : Math.min(NO_LIMIT, scriptTimeout * 1000 + SCRIPT_MARGIN);
}

function interrupted(reason: string, cause?: unknown): RecoveryError {
  return new RecoveryError("node recovery failed, it was interrupted", { detail: reason, cause });
}

function describe(error: unknown): string {
  if (!(error instanceof ServerRefused)) {
    return error instanceof Error ? error.message : String(error);
  }
  const { message, detail } = error.fields;
  return detail === undefined || detail === "" ? message : `${message}\n${detail}`;
}

/** SQLSTATE of a function that is not there. */
const UNDEFINED_FUNCTION = "42883";

function hintFor(error: unknown, { database }: RecoverySettings): string {
  if (!(error instanceof ServerRefused)) return "";
  if (error.fields.sqlstate !== UNDEFINED_FUNCTION) return error.fields.hint ?? "";
  return `Install the extension pgpool_recovery in database "${database}": ` +
    "pgpool extension install pgpool_recovery.";
}
