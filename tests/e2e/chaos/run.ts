import { Recorder } from "../../chaos/history.ts";
import { Random } from "../../chaos/random.ts";
import { describeStep, type Schedule } from "../../chaos/schedule.ts";
import { describeViolations, validate } from "../../chaos/validate.ts";
import { waitFor } from "../../support/wait.ts";
import { runClient } from "./client.ts";
import { Nemesis } from "./nemesis.ts";
import type { ChaosPool } from "./pool.ts";

const CLIENTS = 6;

/** Longest wait of a client for any answer, in milliseconds: a failover fits in. */
const DEADLINE_MS = 20_000;

/** What became of one schedule. */
export interface Result {
  /** Empty when all promises were kept. */
  readonly broken: string;
  readonly acknowledged: number;
  readonly unknown: number;
  readonly failed: number;
  readonly reads: number;
  /** Longest wait of a client, in milliseconds. */
  readonly longestMs: number;
  /** What pgpool logged. */
  readonly log: string;
}

/** Lets clients work through a pgpool while everything of the schedule goes wrong. */
export async function runSchedule(
  pool: ChaosPool,
  schedule: Schedule,
  say: (text: string) => void = () => {},
): Promise<Result> {
  await using pgpool = await pool.startPgpool();
  const nemesis = new Nemesis(pool, pgpool);
  await nemesis.query(
    `SET synchronous_commit = remote_apply;
     DROP TABLE IF EXISTS history; CREATE TABLE history (row int)`,
  );
  const recorder = new Recorder();
  let isOver = false;
  const clients = Array.from({ length: CLIENTS }, (_, index) =>
    runClient({
      port: pgpool.port,
      recorder,
      random: new Random(schedule.seed * CLIENTS + index),
      deadlineMs: DEADLINE_MS,
      isOver: () => isOver,
    }));
  let failure = "";
  try {
    for (const step of schedule.steps) {
      say(describeStep(step));
      await nemesis.inflict(step);
    }
  } catch (error) {
    failure = `not mended: ${error instanceof Error ? error.message : error}`;
  }
  const healedAt = recorder.now();
  await waitFor(
    () =>
      recorder.writes.some(({ invokedAt, outcome }) =>
        invokedAt > healedAt && outcome === "acknowledged"
      ),
    { what: "a write", deadlineMs: DEADLINE_MS },
  ).catch((error: unknown) => failure ||= String(error));
  isOver = true;
  await Promise.all(clients);
  const rows = await nemesis.query("SELECT row FROM history");
  const violations = validate(recorder, {
    rows: rows.map(({ row }) => Number(row)),
    deadlineMs: DEADLINE_MS,
    healedAt,
    workersDied: schedule.steps.some(({ kind }) => kind === "worker"),
  });
  const count = (wanted: string) =>
    recorder.writes.filter(({ outcome }) => outcome === wanted).length;
  return {
    broken: [failure, describeViolations(violations)].filter((text) => text !== "").join("\n"),
    acknowledged: count("acknowledged"),
    unknown: count("unknown"),
    failed: count("failed"),
    reads: recorder.reads.length,
    longestMs: Math.round(Math.max(0, ...recorder.attempts.map(({ tookMs }) => tookMs))),
    log: pgpool.log(),
  };
}

/** A run as one line. */
export function describeResult({ acknowledged, unknown, failed, reads, longestMs }: Result) {
  return `${acknowledged} writes acknowledged, ${failed} failed, ${unknown} unknown, ` +
    `${reads} reads, longest wait ${longestMs} ms`;
}
