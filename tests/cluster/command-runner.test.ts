import { describe, expect, it } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type CommandOptions, runCommand } from "../../lib/cluster/command-runner.ts";
import type { CommandValues } from "../../lib/cluster/command-values.ts";
import type { LogEntry } from "../../lib/cluster/effects.ts";
import { tempDir } from "../support/temp.ts";
import { waitFor, within } from "../support/wait.ts";
import { backend } from "./world.ts";

const values: CommandValues = {
  node: backend(0, { hostname: "db 0; exit 3", dataDirectory: "/data/it's" }),
  newMain: backend(1),
  oldMain: 0,
  oldPrimary: backend(0, { hostname: "db 0; exit 3" }),
};

function run(template: string, change: Partial<CommandOptions> = {}) {
  const log: LogEntry[] = [];
  const options = { name: "failover_command", template, values, deadlineMs: 0, ...change };
  const result = within(runCommand({ ...options, log: (entry) => log.push(entry) }), {
    what: "the command's end",
  });
  return { log, result, texts: () => log.map(({ text }) => text) };
}

describe("a command of the operator's", () => {
  it("gets its values as arguments", async () => {
    const all = "%d %h %p %D %m %H %M %P %r %R %N %S";
    const { result } = run(`printf '[%%s]' ${all}`);
    expect((await result).output).toBe(
      "[0][db 0; exit 3][11002][/data/it's][1][localhost][0][0][11003][/data1]" +
        "[db 0; exit 3][11002]",
    );
  });

  it("is told -1 and empty arguments when there is no other node", async () => {
    const { result } = run(`printf '[%%s]' %m %H %r %R %M %P %N %S`, {
      values: { ...values, newMain: null, oldMain: -1, oldPrimary: null },
    });
    expect((await result).output).toBe("[-1][][][][-1][-1][][]");
  });

  it("finds the same values in its environment", async () => {
    const { result } = run("env | grep ^PGPOOL_ | grep -v ^PGPOOL_TEST_ | sort");
    expect((await result).output.split("\n")).toEqual([
      "PGPOOL_COMMAND=failover_command",
      "PGPOOL_NEW_MAIN_DATA_DIRECTORY=/data1",
      "PGPOOL_NEW_MAIN_HOST=localhost",
      "PGPOOL_NEW_MAIN_ID=1",
      "PGPOOL_NEW_MAIN_PORT=11003",
      "PGPOOL_NODE_DATA_DIRECTORY=/data/it's",
      "PGPOOL_NODE_HOST=db 0; exit 3",
      "PGPOOL_NODE_ID=0",
      "PGPOOL_NODE_PORT=11002",
      "PGPOOL_OLD_MAIN_ID=0",
      "PGPOOL_OLD_PRIMARY_HOST=db 0; exit 3",
      "PGPOOL_OLD_PRIMARY_ID=0",
      "PGPOOL_OLD_PRIMARY_PORT=11002",
    ]);
  });

  it("may read them as JSON", async () => {
    const { result } = run("cat");
    expect(JSON.parse((await result).output)).toEqual({
      command: "failover_command",
      node: { id: 0, host: "db 0; exit 3", port: 11002, data_directory: "/data/it's" },
      new_main: { id: 1, host: "localhost", port: 11003, data_directory: "/data1" },
      old_main_id: 0,
      old_primary: { id: 0, host: "db 0; exit 3", port: 11002, data_directory: "/data0" },
    });
  });

  it("is logged with all it writes, in order, and its exit status", async () => {
    const { log, result } = run("echo out; echo err >&2; printf rest; exit 7");
    expect(await result).toMatchObject({ end: "by-itself", status: 7, signal: null });
    expect(log).toEqual([
      { severity: "log", text: "execute command: echo out; echo err >&2; printf rest; exit 7" },
      { severity: "log", text: "failover_command: out" },
      { severity: "log", text: "failover_command: err" },
      { severity: "log", text: "failover_command: rest" },
      { severity: "warning", text: "failover_command exited with status 7" },
    ]);
  });

  it("may open its outputs by their names, as scripts do", async () => {
    const { result } = run(
      "echo one >/dev/stderr; echo two >/dev/stdout; echo x | tee /dev/stderr",
    );
    expect(await result).toMatchObject({ status: 0, output: "one\ntwo\nx\nx" });
  });

  it("leaves no descriptors behind", async () => {
    const open = () => readdirSync("/proc/self/fd").length;
    const before = open();
    for (let times = 0; times < 20; times++) await run("echo x; exit 1").result;
    // The runtime closes what it made for standard input when it collects garbage.
    await waitFor(() => (Bun.gc(true), open() < before + 10), { what: "descriptors to be closed" });
  });

  it("is told from one that a signal ended", async () => {
    const { result, texts } = run("kill -9 $$");
    expect(await result).toMatchObject({ end: "by-itself", status: null, signal: "SIGKILL" });
    expect(texts().at(-1)).toBe("failover_command was ended by signal SIGKILL");
  });

  it("is ended with all its processes when its time is over", async () => {
    const pid = join(tempDir(), "pid");
    const { result, texts } = run(`sh -c 'echo $$ > ${pid}; exec sleep 60'; true`, {
      deadlineMs: 300,
    });
    expect(await result).toMatchObject({ end: "timed-out", status: null });
    expect(texts().at(-1)).toBe("failover_command did not end within 0.3 seconds and was ended");
    expect(isRunning(Number(readFileSync(pid, "utf8")))).toBe(false);
  });

  it("is killed when it does not want to end", async () => {
    const { result } = run("trap '' TERM; while :; do sleep 0.1; done", { deadlineMs: 200 });
    expect(await result).toMatchObject({ end: "timed-out", signal: "SIGKILL" });
  });

  it("is ended when pgpool stops", async () => {
    const stop = new AbortController();
    const { result, texts } = run("echo begun; sleep 60", { stop: stop.signal });
    await waitFor(() => texts().includes("failover_command: begun"), { what: "its first line" });
    stop.abort();
    expect(await result).toMatchObject({ end: "stopped" });
    expect(await run("sleep 60", { stop: stop.signal }).result).toMatchObject({ end: "stopped" });
  });

  it("is done although something it started in the background still writes", async () => {
    const go = join(tempDir(), "go");
    const { result, texts } = run(
      `(until [ -e ${go} ]; do sleep 0.05; done; echo later) & echo now`,
    );
    expect(await result).toMatchObject({ status: 0, output: "now" });
    await Bun.write(go, "");
    await waitFor(() => texts().includes("failover_command: later"), { what: "the late line" });
  });

  it("cannot fill the memory or the log", async () => {
    const { log, result } = run("yes | head -c 3000000; head -c 5000 /dev/zero | tr '\\0' x");
    expect((await result).output.length).toBeLessThanOrEqual(8000);
    expect(log.length).toBeLessThan(1010);
    expect(log.at(-2)?.text).toBe(
      "failover_command: (what it writes from here on is not logged)",
    );
  });

  it("is not run when a value cannot be given safely", async () => {
    const { log, result } = run('echo "$(echo %h)"');
    expect(await result).toEqual({ end: "not-started", status: null, signal: null, output: "" });
    expect(log).toMatchObject([{ severity: "error", text: "failover_command was not run" }]);
  });
});

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
