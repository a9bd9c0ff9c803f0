import { describe, expect, it } from "bun:test";
import { existsSync, statSync, writeFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { connectServer } from "../../lib/net/connect.ts";
import { ListenError } from "../../lib/net/errors.ts";
import { parseIpv6 } from "../../lib/net/ipv6.ts";
import { closeDescriptor } from "../../lib/net/libc.ts";
import { closeListeners, type ListenPlan, openListeners } from "../../lib/net/listen.ts";
import { serveListener } from "../../lib/net/serve.ts";
import { freePort } from "../support/ports.ts";
import { tempDir } from "../support/temp.ts";
import { memoryLogger, plan, readAll } from "./support.ts";

const hasIpv6 = Object.values(networkInterfaces()).flat().some((at) => at?.family === "IPv6");

function unixPlace(directory: string, port: number, permissions = 0o777, group = "") {
  return { directory, port, permissions, group };
}

async function failure(of: ListenPlan): Promise<ListenError> {
  try {
    closeListeners(await openListeners(of, memoryLogger().logger));
  } catch (error) {
    if (error instanceof ListenError) return error;
    throw error;
  }
  throw new Error("listening succeeded");
}

describe("listening", () => {
  it("logs what it sets up as Pgpool-II does", async () => {
    const directory = tempDir();
    const port = await freePort();
    const { logger, lines } = memoryLogger();
    const listeners = await openListeners(
      plan({ tcp: [{ host: "127.0.0.1", port }], unix: [unixPlace(directory, port)] }),
      logger,
    );
    expect(lines).toEqual([
      `LOG:  create socket files[0]: ${directory}/.s.PGSQL.${port}`,
      "LOG:  listen address[0]: 127.0.0.1",
      `LOG:  Setting up socket for 127.0.0.1:${port}`,
    ]);
    closeListeners(listeners);
    expect(existsSync(join(directory, `.s.PGSQL.${port}`))).toBe(false);
  });

  it("takes * for every address of both families", async () => {
    const port = await freePort();
    const { logger, lines } = memoryLogger();
    const listeners = await openListeners(plan({ tcp: [{ host: "*", port }] }), logger);
    expect(lines).toContain(`LOG:  Setting up socket for 0.0.0.0:${port}`);
    expect(lines).toContain(`LOG:  Setting up socket for :::${port}`);
    expect(listeners.length).toBe(hasIpv6 ? 2 : 1);
    closeListeners(listeners);
  });

  it.if(hasIpv6)("accepts on IPv6", async () => {
    const port = await freePort();
    const [listener] = await openListeners(
      plan({ tcp: [{ host: "::1", port }] }),
      memoryLogger().logger,
    );
    if (listener === undefined) throw new Error("no listener");
    expect(listener.address).toBe(`[::1]:${port}`);
    const served = serveListener(listener.fd, "tcp", (stream) => {
      stream.write(Buffer.from(stream.remoteHost));
      stream.end();
    });
    const client = await connectServer({ host: "::1", port, timeoutMs: 5000 });
    expect((await readAll(client)).toString()).toBe("::1");
    served.stop();
  });

  it("gives Unix sockets their permissions and group", async () => {
    const directory = tempDir();
    const port = await freePort();
    const group = String(process.getgid?.() ?? 0);
    const listeners = await openListeners(
      plan({ unix: [unixPlace(directory, port, 0o750, group)] }),
      memoryLogger().logger,
    );
    const info = statSync(join(directory, `.s.PGSQL.${port}`));
    expect(info.mode & 0o777).toBe(0o750);
    expect(info.gid).toBe(Number(group));
    closeListeners(listeners);
    const wrong = await failure(
      plan({ unix: [unixPlace(directory, port, 0o777, "no-such-group")] }),
    );
    expect(wrong.message).toContain('group "no-such-group" does not exist');
  });

  it("serves Unix sockets", async () => {
    const directory = tempDir();
    const port = await freePort();
    const listeners = await openListeners(
      plan({ unix: [unixPlace(directory, port)] }),
      memoryLogger().logger,
    );
    const served = listeners.map(({ fd, kind }) =>
      serveListener(fd, kind, (stream) => {
        stream.write(Buffer.from(`${stream.isUnix} [${stream.remoteHost}]`));
        stream.end();
      })
    );
    const client = await connectServer({ host: directory, port, timeoutMs: 5000 });
    expect((await readAll(client)).toString()).toBe("true []");
    served.forEach((listener) => listener.stop());
  });

  it("replaces a socket file left behind, but never one that is served", async () => {
    const directory = tempDir();
    const port = await freePort();
    const of = plan({ unix: [unixPlace(directory, port)] });
    const first = await openListeners(of, memoryLogger().logger);
    expect((await failure(of)).reason).toBe("in-use");
    expect(existsSync(join(directory, `.s.PGSQL.${port}`))).toBe(true);
    // A process that was killed leaves its file but not its socket.
    first.forEach(({ fd }) => closeDescriptor(fd));
    closeListeners(await openListeners(of, memoryLogger().logger));
  });

  it("does not remove a file that is no socket", async () => {
    const directory = tempDir();
    const port = await freePort();
    const path = join(directory, `.s.PGSQL.${port}`);
    writeFileSync(path, "precious");
    const error = await failure(plan({ unix: [unixPlace(directory, port)] }));
    expect(error.message).toContain("that is no socket");
    expect(existsSync(path)).toBe(true);
  });

  it("refuses paths that no Unix socket can have", async () => {
    const error = await failure(plan({ unix: [unixPlace(`/tmp/${"x".repeat(100)}`, 5432)] }));
    expect(error.reason).toBe("path-too-long");
    expect(error.message).toContain("is too long (maximum 107 bytes)");
  });

  it("says in words why a Unix socket cannot be made", async () => {
    const error = await failure(plan({ unix: [unixPlace("/nonexistent", 5432)] }));
    expect(error.message).toBe(
      'could not create Unix-domain socket "/nonexistent/.s.PGSQL.5432": no such file or directory',
    );
  });

  it("says which address is in use, and what to do", async () => {
    const port = await freePort();
    const of = plan({ tcp: [{ host: "127.0.0.1", port }] });
    const first = await openListeners(of, memoryLogger().logger);
    const error = await failure(of);
    expect(error.reason).toBe("in-use");
    expect(error.address).toBe(`127.0.0.1:${port}`);
    expect(error.message).toBe(`could not listen on 127.0.0.1:${port}: address already in use`);
    expect(error.hint).toContain("Is another pgpool");
    closeListeners(first);
  });

  it("says when an address is not of this host", async () => {
    const error = await failure(plan({ tcp: [{ host: "192.0.2.1", port: await freePort() }] }));
    expect(error.reason).toBe("bad-address");
  });
});

describe("an IPv6 address", () => {
  it("is read in all its forms", () => {
    const hex = (text: string) => Buffer.from(parseIpv6(text)).toString("hex");
    expect(hex("::")).toBe("0".repeat(32));
    expect(hex("::1")).toBe("0".repeat(31) + "1");
    expect(hex("fe80::1:2")).toBe("fe80" + "0".repeat(20) + "00010002");
    expect(hex("1:2:3:4:5:6:7:8")).toBe("00010002000300040005000600070008");
    expect(hex("::ffff:192.0.2.33")).toBe("0".repeat(20) + "ffffc0000221");
  });
});
