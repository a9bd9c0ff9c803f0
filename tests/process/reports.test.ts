import { describe, expect, it } from "bun:test";
import type { WorkerReport } from "../../lib/process/messages.ts";
import { collectReports } from "../../lib/process/reports.ts";

function report(worker: number): WorkerReport {
  return {
    worker,
    pid: 1000 + worker,
    startTime: 0,
    connectionCount: 0,
    sessions: [],
    waitingClients: 0,
    idle: [],
  };
}

describe("asking the workers", () => {
  it("gives all reports in the order of the workers as soon as they are there", async () => {
    const question = collectReports([1, 2], 60_000);
    question.add(report(2));
    question.add(report(1));
    const { reports, missing } = await question.answer;
    expect(reports.map(({ worker }) => worker)).toEqual([1, 2]);
    expect(missing).toEqual([]);
  });

  it("goes without a worker that does not answer in time, and names it", async () => {
    const question = collectReports([1, 2], 10);
    question.add(report(1));
    const { reports, missing } = await question.answer;
    expect(reports.length).toBe(1);
    expect(missing).toEqual([2]);
  });

  it("does not wait for a worker that died", async () => {
    const question = collectReports([1, 2], 60_000);
    question.add(report(1));
    question.forget(2);
    expect((await question.answer).reports.length).toBe(1);
  });

  it("is over at once when there are no workers", async () => {
    expect((await collectReports([], 60_000).answer).reports).toEqual([]);
  });
});
