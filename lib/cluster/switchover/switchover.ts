import type { Clock } from "../clock.ts";
import type { SwitchoverOptions, SwitchoverReport } from "../types.ts";
import { SwitchoverError } from "./error.ts";

/** The primary that is to be none any more. */
export interface OldPrimary {
  readonly node: number;
  /** What is written, and by whom. */
  state(): Promise<PrimaryState>;
  /** Has new transactions be read only by default; false when pgpool has no right to. */
  fence(): Promise<boolean>;
  /** Takes back what {@link fence} has done, as far as it came. */
  unfence(): Promise<void>;
  /** Ends the sessions that have written something and not ended their transaction. */
  endWriters(): Promise<void>;
  /** Ends all sessions of the server, which has been replaced, and forgets the fence when it restarts. */
  retire(): Promise<void>;
}

export interface PrimaryState {
  readonly system: string;
  readonly timeline: number;
  readonly isInRecovery: boolean;
  /** Where the next record will be written. */
  readonly position: bigint;
  /** Transactions that have written something and not ended, as far as pgpool may see them. */
  readonly writers: number;
}

/** The standby that is to be the primary. */
export interface NewPrimary {
  readonly node: number;
  state(): Promise<StandbyState>;
}

export interface StandbyState {
  readonly system: string;
  /** Timeline it receives, 0 when pgpool may not see that. */
  readonly timeline: number;
  readonly isInRecovery: boolean;
  readonly replayed: bigint;
  /** pgpool may promote it by SQL. */
  readonly mayPromote: boolean;
}

/** The gate before all workers, closed for new transactions until it is disposed of. */
export interface SwitchoverGate extends Disposable {
  /** Waits until no transaction runs any more. */
  quiet(milliseconds: number): Promise<"quiet" | "late" | "stopped">;
  endTransactions(): void;
  holdLogins(): void;
}

/** What a switchover is done with. */
export interface SwitchoverParts {
  readonly clock: Clock;
  readonly primary: OldPrimary;
  readonly standby: NewPrimary;
  /** A command of the operator's promotes, and pgpool needs no right to. */
  readonly isPromotedByCommand: boolean;
  /** @throws {SwitchoverError} when it is closed already */
  closeGate(): SwitchoverGate;
  /** Has the standby promoted and makes the pool follow. @throws {SwitchoverError} */
  promote(milliseconds: number): Promise<void>;
  /** Has the pool use the old primary again, if it had been taken out. */
  takeBack(): Promise<void>;
  /** Tells the operator how far it has come. */
  progress(message: string, detail?: string): void;
}

/** Bytes that the standby may lag behind when new transactions are made to wait. */
const NEAR = 4n * 1024n * 1024n;
/** Milliseconds that sessions have to end when they are made to. */
const ENDING_LIMIT = 5000;
/** Milliseconds for the last bytes to be replayed, while everybody waits. */
const REPLAY_LIMIT = 10_000;
/** Milliseconds for the promotion. */
const PROMOTION_LIMIT = 30_000;
/** Milliseconds between two looks. */
const PAUSE = 20;
/** WAL is written in pages of this many bytes at least, each with a header of one of these sizes. */
const PAGE = 8192n;
const PAGE_HEADERS: readonly bigint[] = [24n, 40n];

/**
 * Makes a standby the primary without an error for clients: new transactions wait, running ones
 * end, the standby gets everything that was written, is promoted, and what waited goes on there.
 *
 * Until the standby is promoted everything can be called off, and is when a step fails or takes too
 * long: then clients go on with the old primary, and nothing has changed.
 *
 * @throws {SwitchoverError}
 */
export async function switchOver(
  parts: SwitchoverParts,
  options: SwitchoverOptions,
): Promise<SwitchoverReport> {
  const { clock, primary, standby, progress } = parts;
  const began = clock.now();
  await check(parts);
  progress(`waiting for node ${standby.node} to be near enough`);
  await waitUntil(clock, options.drainTimeout, () => isNear(parts)) ||
    fail("not-caught-up", `node ${standby.node} lags too far behind node ${primary.node}`);

  using gate = parts.closeGate();
  const paused = clock.now();
  progress("new transactions wait from now on; waiting for those that run to end");
  await drain(gate, options);
  gate.holdLogins();
  try {
    const isFenced = await primary.fence();
    if (!isFenced) progress(...NOT_FENCED);
    await drainOthers(parts, options, paused);
    const drained = clock.now();
    const { position } = await primary.state();
    progress(`no transaction runs; waiting for node ${standby.node} to replay everything`);
    await waitUntil(clock, REPLAY_LIMIT, () => hasReplayed(standby, position)) ||
      fail("not-caught-up", `node ${standby.node} did not replay everything in time`);
    const replayed = clock.now();
    progress(`node ${standby.node} has everything; promoting it`);
    await parts.promote(PROMOTION_LIMIT);
    const promoted = clock.now();
    gate[Symbol.dispose]();
    progress(`node ${standby.node} is the primary; clients go on`);
    await retire(parts);
    return {
      node: standby.node,
      oldPrimary: primary.node,
      drain: drained - paused,
      replay: replayed - drained,
      promotion: promoted - replayed,
      pause: promoted - paused,
      total: clock.now() - began,
      isFenced,
    };
  } catch (error) {
    await undo(parts);
    throw error;
  }
}

/** Looks for what would make it fail, before anybody has to wait. */
async function check({ primary, standby, isPromotedByCommand }: SwitchoverParts): Promise<void> {
  const [from, to] = [await primary.state(), await standby.state()];
  if (from.isInRecovery) fail("wrong-role", `node ${primary.node} says that it is a standby`);
  if (!to.isInRecovery) fail("wrong-role", `node ${standby.node} says that it is no standby`);
  const isOther = to.system !== from.system || (to.timeline !== 0 && to.timeline !== from.timeline);
  if (isOther) fail("wrong-role", `node ${standby.node} is no standby of node ${primary.node}`);
  if (to.mayPromote || isPromotedByCommand) return;
  throw new SwitchoverError(
    "no-right",
    `sr_check_user may not promote node ${standby.node}`,
    "GRANT EXECUTE ON FUNCTION pg_promote TO that user, or set failover_command.",
  );
}

async function drain(gate: SwitchoverGate, options: SwitchoverOptions): Promise<void> {
  let quiet = await gate.quiet(options.drainTimeout);
  if (quiet === "late" && options.force) {
    gate.endTransactions();
    quiet = await gate.quiet(ENDING_LIMIT);
  }
  if (quiet === "stopped") fail("stopped", "pgpool is being stopped");
  if (quiet === "late") failToDrain("transactions still run");
}

/** Waits for those who write without coming through pgpool. */
async function drainOthers(
  { clock, primary }: SwitchoverParts,
  { drainTimeout, force }: SwitchoverOptions,
  since: number,
): Promise<void> {
  const isQuiet = async () => (await primary.state()).writers === 0;
  if (await waitUntil(clock, since + drainTimeout - clock.now(), isQuiet)) return;
  if (!force) failToDrain("transactions of clients that do not come through pgpool still run");
  await primary.endWriters();
  if (!await waitUntil(clock, ENDING_LIMIT, isQuiet)) failToDrain("transactions still run");
}

async function isNear({ primary, standby }: SwitchoverParts): Promise<boolean> {
  const { position } = await primary.state();
  const { replayed } = await standby.state();
  return position - replayed <= NEAR;
}

async function hasReplayed(standby: NewPrimary, position: bigint): Promise<boolean> {
  return (await standby.state()).replayed >= endOfRecords(position);
}

/**
 * Where the last record ends, by where the next one will begin: at the beginning of a page its
 * header comes in between.
 */
export function endOfRecords(position: bigint): bigint {
  const offset = position % PAGE;
  return PAGE_HEADERS.includes(offset) ? position - offset : position;
}

/** The old primary may be on its way to become a standby already: what fails here is told only. */
async function retire({ primary, progress }: SwitchoverParts): Promise<void> {
  try {
    await primary.retire();
  } catch (error) {
    progress(`the sessions of node ${primary.node} could not be ended`, textOf(error));
  }
}

/** Clients go on with the old primary, unless the standby was promoted after all. */
async function undo(parts: SwitchoverParts): Promise<void> {
  const { primary, standby, progress } = parts;
  const isPromoted = await standby.state().then(({ isInRecovery }) => !isInRecovery, () => false);
  if (isPromoted) {
    progress(`node ${standby.node} is no standby any more: node ${primary.node} stays out`);
    return;
  }
  progress(`called off: clients go on with node ${primary.node}`);
  try {
    await primary.unfence();
  } catch (error) {
    progress(`node ${primary.node} may still refuse writes`, textOf(error));
  }
  await parts.takeBack();
}

/** Looks again and again; false when the time is over. A deadline in the past means one look. */
async function waitUntil(
  clock: Clock,
  milliseconds: number,
  condition: () => Promise<boolean>,
): Promise<boolean> {
  const until = clock.now() + milliseconds;
  while (!await condition()) {
    if (clock.now() >= until) return false;
    await new Promise<void>((resolve) => clock.after(PAUSE, resolve));
  }
  return true;
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const NOT_FENCED: [string, string] = [
  "the old primary can not be made to refuse writes",
  "sr_check_user may not use ALTER SYSTEM. What clients write there from now on without coming " +
  "through pgpool will be lost.",
];

function fail(kind: SwitchoverError["kind"], text: string): never {
  throw new SwitchoverError(kind, text);
}

function failToDrain(text: string): never {
  const hint = "Try again later or with a longer --drain-timeout, or end them with --force.";
  throw new SwitchoverError("not-drained", text, hint);
}
