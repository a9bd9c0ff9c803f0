import { afterEach, describe, expect, it } from "bun:test";
import { Admission, type AdmissionLimits } from "../../lib/process/admission.ts";
import { LoginFailed } from "../../lib/process/client/login-failed.ts";
import {
  createSharedMemory,
  SharedCounters,
  type SharedFile,
  sharedMemoryPath,
} from "../../lib/process/shared-memory.ts";
import { WaitEnded } from "../../lib/process/waiting-room.ts";
import { tempDir } from "../support/temp.ts";
import { waitFor } from "../support/wait.ts";

const open: SharedFile[] = [];

afterEach(() => {
  for (const memory of open.splice(0)) memory.close();
});

/** Workers that share client slots; `freed` counts how often one told of a free slot. */
function workers(count: number, limits: Partial<AdmissionLimits>) {
  const all = {
    num_init_children: 2,
    reserved_connections: 0,
    client_queue_timeout: 60,
    ...limits,
  };
  const memory = createSharedMemory(count, all.num_init_children, tempDir());
  open.push(memory);
  const path = sharedMemoryPath(memory.fd);
  const state = { freed: 0 };
  const admissions = Array.from(
    { length: count },
    (_, index) =>
      new Admission(new SharedCounters(path, index + 1), () => all, () => void state.freed++),
  );
  return { admissions, state, memory };
}

function only<T>(list: readonly T[]): T {
  const [first] = list;
  if (first === undefined) throw new Error("the list is empty");
  return first;
}

describe("client slots", () => {
  it("let in num_init_children clients; the next wait and come in turn", async () => {
    const admission = only(workers(1, {}).admissions);
    await admission.admit();
    await admission.admit();
    const order: string[] = [];
    const first = admission.admit().then(() => order.push("first"));
    const second = admission.admit().then(() => order.push("second"));
    expect(admission.waiting).toBe(2);
    admission.release();
    await first;
    expect(order).toEqual(["first"]);
    admission.release();
    await second;
    expect(order).toEqual(["first", "second"]);
    expect(admission.served).toBe(2);
  });

  it("refuse at once what is beyond when connections are reserved", async () => {
    const limits = { num_init_children: 3, reserved_connections: 1 };
    const admission = only(workers(1, limits).admissions);
    await admission.admit();
    await admission.admit();
    const error = await admission.admit().catch((thrown) => thrown);
    expect(error).toBeInstanceOf(LoginFailed);
    expect(error.fields.sqlstate).toBe("53300");
    expect(error.fields.message).toBe("Sorry, too many clients already");
    expect(admission.waiting).toBe(0);
  });

  it("refuse who has waited for client_queue_timeout", async () => {
    const limits = { num_init_children: 1, client_queue_timeout: 0.05 };
    const admission = only(workers(1, limits).admissions);
    await admission.admit();
    const error = await admission.admit().catch((thrown) => thrown);
    expect(error.fields.sqlstate).toBe("53300");
    expect(error.fields.detail).toContain("client_queue_timeout");
    expect(admission.waiting).toBe(0);
  });

  it("forget a client that leaves while it waits, and all when the worker stops", async () => {
    const admission = only(workers(1, { num_init_children: 1 }).admissions);
    await admission.admit();
    const controller = new AbortController();
    const gone = admission.admit(controller.signal).catch((thrown) => thrown);
    const stopped = admission.admit().catch((thrown) => thrown);
    controller.abort();
    expect(await gone).toBeInstanceOf(WaitEnded);
    expect(admission.waiting).toBe(1);
    admission.close();
    expect(await stopped).toBeInstanceOf(WaitEnded);
    expect(await admission.admit().catch((thrown) => thrown)).toBeInstanceOf(WaitEnded);
  });

  it("freed in one worker are told of when clients wait in another", async () => {
    const { admissions, state } = workers(2, { num_init_children: 1 });
    const [one, two] = admissions;
    await one?.admit();
    const waiting = two?.admit();
    one?.release();
    expect(state.freed).toBe(1);
    two?.wake();
    await waiting;
    expect(two?.served).toBe(1);
    two?.release();
    expect(state.freed).toBe(1);
  });

  it("are found even when nobody tells of them", async () => {
    const { admissions, memory } = workers(2, { num_init_children: 1 });
    const [one, two] = admissions;
    await one?.admit();
    let served = false;
    void two?.admit().then(() => served = true);
    memory.counters.reclaim(1);
    await waitFor(() => served, { what: "the next look at the slots" });
    two?.release();
  });
});
