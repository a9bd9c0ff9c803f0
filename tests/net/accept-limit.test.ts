import { describe, expect, it } from "bun:test";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { onCleanUp } from "../support/clean-up.ts";
import { freePort, isListening } from "../support/ports.ts";
import { waitFor } from "../support/wait.ts";

/** Descriptors that the server may have, fewer than there are clients. */
const DESCRIPTORS = 40;
const CLIENTS = 60;

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
    for (const client of answered) client.destroy();
    await waitFor(() => answered.size === CLIENTS, { what: "everybody else" });
    for (const client of clients) client.destroy();
    server.kill("SIGKILL");
    await server.exited;
  });
});
