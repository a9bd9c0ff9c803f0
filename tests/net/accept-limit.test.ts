import { describe, expect, it } from "bun:test";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { onCleanUp } from "../support/clean-up.ts";
import { freePort, isListening } from "../support/ports.ts";
import { waitFor } from "../support/wait.ts";

/** Descriptors that the server may have, fewer than there are clients. */
const DESCRIPTORS = 40;
const CLIENTS = 60;

/** Share of the last 200 ms that a process has kept a processor busy. */
async function busyness(pid: number): Promise<number> {
  const ticks = () => {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return Number(fields[11]) + Number(fields[12]);
  };
  const [before, start] = [ticks(), performance.now()];
  await Bun.sleep(200);
  return (ticks() - before) * 10 / (performance.now() - start);
}

describe("a server without descriptors left", () => {
  it("goes on with its clients, and takes those that wait when others have left", async () => {
    const port = await freePort();
    const script = join(import.meta.dir, "echo-server.ts");
    const server = Bun.spawn(
      ["sh", "-c", `ulimit -n ${DESCRIPTORS}; exec "$0" "$@"`, process.execPath, script, `${port}`],
      { stdio: ["ignore", "inherit", "inherit"] },
    );
    onCleanUp(() => server.kill("SIGKILL"));
    await waitFor(() => isListening(port), { what: "the server" });
    const answered = new Set<Socket>();
    const clients = Array.from({ length: CLIENTS }, () => {
      const client = connect(port, "127.0.0.1");
      client.on("error", () => {});
      client.on("data", () => void answered.add(client));
      client.write("hello");
      return client;
    });
    await waitFor(() => answered.size > 10, { what: "the first clients" });
    expect(answered.size).toBeLessThan(DESCRIPTORS);
    expect(server.exitCode).toBeNull();
    await waitFor(async () => await busyness(server.pid) < 0.3, {
      what: "the server to be idle while clients wait",
      deadlineMs: 4000,
    });
    for (const client of answered) client.destroy();
    await waitFor(() => answered.size === CLIENTS, { what: "everybody else" });
    for (const client of clients) client.destroy();
    server.kill("SIGKILL");
    await server.exited;
  });
});
