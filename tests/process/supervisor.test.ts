import { describe, expect, it } from "bun:test";
import { existsSync, readFileSync, statSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { isAlive } from "../../lib/process/pid-file.ts";
import { isListening } from "../support/ports.ts";
import { waitFor } from "../support/wait.ts";
import { TestPgpool } from "./support.ts";

/** A client that has connected and says nothing, which is a client all the same. */
async function silentClient(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  await waitFor(() => !socket.connecting, { what: "the connection" });
  return socket;
}

describe("pgpool serve", () => {
  it("serves TCP and Unix sockets with its workers, and leaves nothing behind", async () => {
    await using pgpool = await TestPgpool.start({ unix_socket_permissions: "0700" });
    expect(pgpool.workers().length).toBe(2);
    expect(readFileSync(pgpool.pidFile, "latin1")).toBe(`${pgpool.pid}\0`);
    expect(statSync(pgpool.pidFile).mode & 0o777).toBe(0o600);
    expect(await isListening(pgpool.port)).toBe(true);
    const socket = join(pgpool.dir, `.s.PGSQL.${pgpool.port}`);
    expect(statSync(socket).mode & 0o777).toBe(0o700);
    pgpool.child.kill("SIGINT");
    expect(await pgpool.exit()).toBe(0);
    expect(existsSync(pgpool.pidFile)).toBe(false);
    expect(existsSync(socket)).toBe(false);
    expect(await isListening(pgpool.port)).toBe(false);
    const log = pgpool.log();
    for (
      const line of [
        `create socket files[0]: ${socket}`,
        "listen address[0]: 127.0.0.1",
        `Setting up socket for 127.0.0.1:${pgpool.port}`,
        "pgpool-II successfully started. version 4.7.2 (tasukiboshi)",
        "shutting down by signal 2",
        "terminating all child processes",
        "Pgpool-II system is shutdown",
      ]
    ) {
      expect(log).toContain(`LOG:  ${line}`);
    }
  });

  it("gives workers titles that tell what they are", async () => {
    await using pgpool = await TestPgpool.start({ worker_processes: 1 });
    const [worker] = pgpool.workers();
    expect(readFileSync(`/proc/${worker}/cmdline`, "utf8")).toStartWith("pgpool: worker 1\0");
  });

  it("starts a worker again that was killed, and says what happened", async () => {
    await using pgpool = await TestPgpool.start();
    const [first = 0, second] = pgpool.workers();
    process.kill(first, "SIGKILL");
    await pgpool.waitForLog(
      new RegExp(`WARNING: {2}child process with pid: ${first} was terminated by sigkill`),
    );
    await waitFor(() => pgpool.workers().length === 2, { what: "the new worker" });
    expect(pgpool.workers()).toContain(second ?? 0);
    expect(pgpool.workers()).not.toContain(first);
    expect(await isListening(pgpool.port)).toBe(true);
  });

  it("ends its workers when it is killed itself", async () => {
    await using pgpool = await TestPgpool.start();
    const workers = pgpool.workers();
    pgpool.child.kill("SIGKILL");
    await waitFor(() => !workers.some(isAlive), { what: "the end of the workers" });
  });

  it("waits for its clients in a smart stop, which a fast one cuts short", async () => {
    await using pgpool = await TestPgpool.start();
    const client = await silentClient(pgpool.port);
    pgpool.child.kill("SIGTERM");
    await pgpool.waitForLog(/shutting down by signal 15/);
    await waitFor(async () => !await isListening(pgpool.port), { what: "no more listening" });
    expect(pgpool.running).toBe(true);
    pgpool.child.kill("SIGINT");
    expect(await pgpool.exit()).toBe(0);
    expect(pgpool.log()).toContain("shutting down by signal 2");
    client.destroy();
  });

  it("ends a smart stop when the last client has left", async () => {
    await using pgpool = await TestPgpool.start();
    const client = await silentClient(pgpool.port);
    pgpool.child.kill("SIGTERM");
    await waitFor(async () => !await isListening(pgpool.port), { what: "no more listening" });
    client.destroy();
    expect(await pgpool.exit()).toBe(0);
  });

  it("kills a worker that does not end in time", async () => {
    await using pgpool = await TestPgpool.start({ worker_processes: 1 });
    const [worker = 0] = pgpool.workers();
    process.kill(worker, "SIGSTOP");
    pgpool.child.kill("SIGQUIT");
    expect(await pgpool.exit()).toBe(0);
    expect(isAlive(worker)).toBe(false);
    expect(pgpool.log()).toContain(`worker 1 with pid: ${worker} is killed`);
  });

  it("does not start where somebody listens already, and says where and what to do", async () => {
    await using first = await TestPgpool.start();
    await using second = await TestPgpool.launch({ port: first.port });
    expect(await second.exit()).toBe(3);
    expect(second.log()).toContain(
      `FATAL:  could not listen on 127.0.0.1:${first.port}: address already in use`,
    );
    expect(second.log()).toContain("HINT:  Is another pgpool");
    expect(existsSync(second.pidFile)).toBe(false);
  });

  it("does not start with a faulty configuration", async () => {
    await using pgpool = await TestPgpool.launch({ num_init_children: 0 });
    expect(await pgpool.exit()).toBe(3);
    expect(pgpool.log()).toContain("FATAL:  ");
  });
});

describe("reloading", () => {
  it("takes what may change, and names what needs a restart with both values", async () => {
    await using pgpool = await TestPgpool.start();
    pgpool.reload({ num_init_children: 7, log_line_prefix: "changed: " });
    await pgpool.waitForLog(/LOG: {2}reload config files\./);
    await pgpool.waitForLog(/parameter "num_init_children" cannot be changed without a restart/);
    await pgpool.waitForLog(/DETAIL: {2}It stays "32"; the file says "7"\./);
    pgpool.child.kill("SIGHUP");
    await pgpool.waitForLog(/^changed: LOG: {2}reload config files\./m);
  });

  it("keeps everything as it is when the file is broken", async () => {
    await using pgpool = await TestPgpool.start();
    pgpool.reload({ log_line_prefix: "changed: " }, "max_pool = nonsense\n");
    await pgpool.waitForLog(/WARNING: {2}configuration is not reloaded/);
    expect(pgpool.log()).not.toContain("changed: ");
    expect(await isListening(pgpool.port)).toBe(true);
  });
});
