import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { TestCluster } from "./cluster.ts";
import * as frontend from "./frontend.ts";
import { cancel, LoginRefused, RawClient } from "./raw-client.ts";
import { transcript } from "./transcript.ts";

describe("the raw client", () => {
  let cluster: TestCluster;
  const address = () => ({ port: cluster.primary.port, user: "postgres" });

  beforeAll(async () => {
    cluster = await TestCluster.start({ standbys: 0 });
  }, 60_000);

  afterAll(async () => {
    await cluster[Symbol.asyncDispose]();
  });

  it("shows the simple protocol message by message", async () => {
    using client = await RawClient.login(address());
    expect(await client.query("SELECT 1 AS one, NULL::text AS two")).toEqual([
      "RowDescription(one 0.0 type 23 4 -1 format 0, two 0.0 type 25 -1 -1 format 0)",
      "DataRow(1, NULL)",
      "CommandComplete(SELECT 1)",
      "ReadyForQuery(I)",
    ]);
  });

  it("shows the extended protocol message by message", async () => {
    using client = await RawClient.login({ ...address(), minor: 2 });
    expect(client.backendKey().key.length).toBe(32);
    const lines = await client.exchange(
      frontend.parse("SELECT $1::int + generate_series(1, 3)", "s", [23]),
      frontend.describeStatement("s"),
      frontend.bind({ statement: "s", values: ["40"] }),
      frontend.execute("", 2),
      frontend.closeStatement("s"),
      frontend.sync,
    );
    expect(lines).toEqual([
      "ParseComplete",
      "ParameterDescription(23)",
      "RowDescription(?column? 0.0 type 23 4 -1 format 0)",
      "BindComplete",
      "DataRow(41)",
      "DataRow(42)",
      "PortalSuspended",
      "CloseComplete",
      "ReadyForQuery(I)",
    ]);
  });

  it("copies in, calls functions and shows errors with all their fields", async () => {
    using client = await RawClient.login({ ...address(), path: socketPath() });
    await client.query("CREATE TEMP TABLE t (a int)");
    client.send(frontend.query("COPY t FROM STDIN"));
    expect(transcript(await client.readUntil("G"))).toEqual(["CopyInResponse(0: 0)"]);
    expect(await client.exchange(frontend.copyData("1\n2\n"), frontend.copyDone)).toEqual([
      "CommandComplete(COPY 2)",
      "ReadyForQuery(I)",
    ]);
    const abs = 1397;
    expect((await client.exchange(frontend.functionCall(abs, ["-5"])))[0]).toBe(
      "FunctionCallResponse(5)",
    );
    expect((await client.query("SELECT nothing"))[0]).toContain("C 42703");
  });

  it("cancels a query over a second connection", async () => {
    using client = await RawClient.login(address());
    client.send(frontend.query("SELECT pg_sleep(60)"));
    await cancel(address(), client.backendKey());
    expect(transcript(await client.readUntil("Z")).join("\n")).toContain("C 57014");
  });

  it("authenticates with passwords of every kind", async () => {
    await cluster.query(
      `SET password_encryption = 'md5'; CREATE ROLE m LOGIN PASSWORD 'secret';
       SET password_encryption = 'scram-sha-256'; CREATE ROLE s LOGIN PASSWORD 'secret'`,
    );
    await cluster.primary.writeHba(
      `host all m 127.0.0.1/32 md5
       host all s 127.0.0.1/32 scram-sha-256
       host all all 127.0.0.1/32 trust`,
    );
    for (const user of ["m", "s"]) {
      const login = { ...address(), user, database: "postgres" };
      using client = await RawClient.login({ ...login, password: "secret" });
      expect(client.received[0]?.type).toBe("R");
      await expect(RawClient.login({ ...login, password: "wrong" })).rejects.toThrow(LoginRefused);
    }
  });

  function socketPath(): string {
    return `${cluster.dir}/.s.PGSQL.${cluster.primary.port}`;
  }
});
