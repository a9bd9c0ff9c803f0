import { describe, expect, it } from "bun:test";
import { join } from "node:path";
import { tellServiceManager } from "../../lib/process/service-manager.ts";
import { onCleanUp } from "../support/clean-up.ts";
import { tempDir } from "../support/temp.ts";
import { waitFor } from "../support/wait.ts";
import { TestPgpool } from "./support.ts";

/** A service manager's socket: prints a line for every message. Bun has no Unix datagrams. */
const RECEIVER = `
import socket, sys
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind(sys.argv[1])
print("bound", flush=True)
while True:
    print(receiver.recv(4096).decode(), flush=True)
`;

/** What arrives at a socket in this directory. */
async function listenIn(path: string): Promise<{ readonly messages: () => string[] }> {
  const child = Bun.spawn(["python3", "-c", RECEIVER, path], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onCleanUp(() => child.kill("SIGKILL"));
  let text = "";
  const read = async () => {
    for await (const chunk of child.stdout) text += new TextDecoder().decode(chunk);
  };
  void read();
  const messages = () => text.split("\n").slice(1, -1);
  await waitFor(() => text.startsWith("bound\n"), { what: "the service manager's socket" });
  return { messages };
}

describe.skipIf(Bun.which("python3") === null)("a service manager", () => {
  it("is told when clients are served and when pgpool stops", async () => {
    const path = join(tempDir(), "notify");
    const { messages } = await listenIn(path);
    await using pgpool = await TestPgpool.start({}, { NOTIFY_SOCKET: path });
    await waitFor(() => messages().length === 1, { what: "READY=1" });
    pgpool.child.kill("SIGINT");
    expect(await pgpool.exit()).toBe(0);
    await waitFor(() => messages().length === 2, { what: "STOPPING=1" });
    expect(messages()).toEqual(["READY=1", "STOPPING=1"]);
  });
});

describe("without a service manager", () => {
  it("nobody is told, and nothing fails", () => {
    expect(tellServiceManager("READY=1", {})).toBe(false);
    expect(tellServiceManager("READY=1", { NOTIFY_SOCKET: "" })).toBe(false);
    expect(tellServiceManager("READY=1", { NOTIFY_SOCKET: "/nonexistent/socket" })).toBe(false);
    expect(tellServiceManager("READY=1", { NOTIFY_SOCKET: `/${"x".repeat(200)}` })).toBe(false);
  });
});
