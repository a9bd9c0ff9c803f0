/** failover_command, follow_primary_command and promotions with real servers and scripts. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "bun:test";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { waitFor } from "../../support/wait.ts";
import { failureOf, logIn } from "../support/nodes.ts";
import { Scripted } from "./scripted.ts";

let pool: Scripted;

beforeAll(async () => {
  pool = await Scripted.start();
}, 60_000);

afterEach(async () => {
  await pool.reset();
}, 60_000);

afterAll(async () => {
  await pool?.[Symbol.asyncDispose]();
});

describe("a primary that is killed", () => {
  it("is replaced by failover_command, and all others follow and are attached", async () => {
    const pgpool = await pool.startPgpool();
    const [zero, one] = pool.cluster.servers;
    await zero?.kill();
    expect(await pool.follow(0)).toBe("0 1 0 0");
    expect(await pool.follow(2)).toBe("2 1 0 0");
    await pool.waitForWrites();
    await pool.waitForNodes("up standby, up primary, up standby");
    expect(pool.calls()).toEqual([
      `0 0 ${one?.dataDir} 1 127.0.0.1 ${one?.port} 0 127.0.0.1 ${zero?.port} 127.0.0.1 ` +
      `${zero?.port} ${zero?.dataDir}`,
    ]);
    const lines = [
      "=== Starting degeneration\\. shutdown host 127\\.0\\.0\\.1\\(\\d+\\) ===",
      "execute command: .*promote\\.sh 0 0 ",
      "find_primary_node: primary node is 1",
      "starting follow degeneration\\. shutdown host",
      "failover: 1 follow backends have been degenerated",
      "failover: set new primary node: 1",
      "failover: set new main node: 1",
      "=== Failover done\\. shutdown host 127\\.0\\.0\\.1\\(\\d+\\) ===",
      "=== Starting follow primary command for node 0 ===",
      "=== Starting fail back\\. reconnect host",
      "=== Failback done\\. reconnect host",
      "=== Follow primary command for node 0 ended ===",
      "=== Follow primary command for node 2 ended ===",
    ];
    await pgpool.waitForLog(new RegExp(lines.join("[^]*")));
  }, 60_000);

  it(
    "is replaced also when the node that was promoted dies before anybody has seen it",
    async () => {
      await pool.startPgpool({
        failover_command: `${
          pool.script("slow", '#!/bin/sh\n[ "$1" = 0 ] && sleep 600\nexec "$PROMOTE" "$@"\n')
        } %d %P %R`,
        failover_command_timeout: 3,
        follow_primary_command: "",
      });
      const [zero, one] = pool.cluster.servers;
      await zero?.kill();
      await pool.pgpool.waitForLog(/execute command/);
      await one?.kill();
      await pool.pgpool.waitForLog(
        /failover_command did not end within 3 seconds and was ended[^]*execute command: .* 1 1 /,
      );
      await pool.waitForWrites();
      await pool.waitForNodes("down standby, down standby, up primary");
    },
    60_000,
  );
});

describe("a second failure", () => {
  it("of a standby while failover_command still runs is dealt with after it", async () => {
    const gate = join(pool.cluster.dir, "gate");
    writeFileSync(gate, "");
    const text = `#!/bin/sh\nwhile [ -e ${gate} ]; do sleep 0.05; done\nexec "$PROMOTE" "$@"\n`;
    await pool.startPgpool({
      failover_command: `${pool.script("gated", text)} %d %P %R`,
      follow_primary_command: "",
    });
    const [zero, , two] = pool.cluster.servers;
    await zero?.kill();
    await pool.pgpool.waitForLog(/execute command: .* 0 0 /);
    await two?.kill();
    await pool.pgpool.waitForLog(/health check failed on node 2/);
    rmSync(gate);
    await pool.waitForWrites();
    await pool.waitForNodes("down standby, up primary, down standby");
    await waitFor(() => pool.calls().length === 2, { what: "both commands" });
    expect(pool.calls().map((line) => line.split(" ", 2).join(" "))).toEqual([
      "0 0",
      expect.stringMatching(/^2 [01]$/),
    ]);
  }, 60_000);

  it("of the primary right after its promotion has the third server promoted", async () => {
    await pool.startPgpool({ follow_primary_command: "" });
    const [zero, one, two] = pool.cluster.servers;
    await zero?.kill();
    await pool.pgpool.waitForLog(/failover: set new primary node: 1/);
    await one?.kill();
    await pool.pgpool.waitForLog(/failover: set new primary node: 2/);
    await pool.waitForWrites();
    await pool.waitForNodes("down standby, down standby, up primary");
    expect(await two?.isStandby()).toBe(false);
    expect(pool.calls().map((line) => line.split(" ", 2).join(" "))).toEqual(["0 0", "1 1"]);
  }, 60_000);

  it("of the primary while others are made to follow it leaves them to an operator", async () => {
    await pool.startPgpool({ auto_failback: true, search_primary_node_timeout: 1 });
    const [zero, one, two] = pool.cluster.servers;
    await zero?.kill();
    await pool.pgpool.waitForLog(/execute command: .*follow\.sh 0 1/);
    await one?.kill();
    await pool.pgpool.waitForLog(/follow_primary_command was ended/);
    await pool.pgpool.waitForLog(/All backend nodes are down/);
    await two?.promote();
    await pool.asAdmin((pcp) => pcp.attachNode(2));
    await pool.waitForWrites();
    await pool.waitForNodes("down standby, down standby, up primary");
  }, 60_000);
});

describe("a primary that hangs", () => {
  it("is replaced, and is not the primary when it goes on", async () => {
    await pool.startPgpool({ follow_primary_command: "", auto_failback: true });
    const { primary } = pool.cluster;
    primary.pause();
    await pool.pgpool.waitForLog(/health check failed on node 0 \(timeout:1\)/);
    await pool.waitForWrites();
    primary.resume();
    await pool.pgpool.waitForLog(/node 0 answers again but is not used/);
    await pool.waitForNodes("down standby, up primary, up standby");
  }, 60_000);
});

describe("a failover_command", () => {
  it("that fails and floods is told of in the log, and the pool goes on", async () => {
    const flood = pool.script("flood", "#!/bin/sh\nyes flood | head -c 20000000\nexit 3\n");
    await pool.startPgpool({ failover_command: flood, search_primary_node_timeout: 2 });
    await pool.cluster.primary.kill();
    await pool.pgpool.waitForLog(/WARNING: {2}failover_command exited with status 3/);
    await pool.pgpool.waitForLog(/failover: set new primary node: -1[^]*=== Failover done/);
    expect(pool.pgpool.log().length).toBeLessThan(500_000);
    using client = await logIn(pool.pgpool);
    expect(await failureOf(client, "SELECT count(*) FROM t")).toBe("");
    await pool.cluster.server(1).promote();
    await pool.waitForWrites();
  }, 60_000);

  it("that hangs holds nobody up who does not need it, and ends with pgpool", async () => {
    const file = join(pool.cluster.dir, "hanging.pid");
    const hang = pool.script("hang", `#!/bin/sh\necho $$ > ${file}\nexec sleep 600\n`);
    await pool.startPgpool({ failover_command: hang });
    using client = await logIn(pool.pgpool);
    await pool.cluster.server(2).kill();
    await pool.pgpool.waitForLog(/execute command/);
    expect(await failureOf(client, "INSERT INTO t VALUES (2)")).toBe("");
    using other = await logIn(pool.pgpool);
    expect(await failureOf(other, "INSERT INTO t VALUES (2)")).toBe("");
    const pid = await waitFor(() => Number(readFileSync(file, "utf8")), { what: "the script" });
    expect(await pool.pgpool.stop("fast", 10_000)).toBe(0);
    expect(() => process.kill(pid, 0)).toThrow();
  }, 60_000);
});

describe("a promotion", () => {
  it("with switchover makes the node that was asked for the primary", async () => {
    await pool.startPgpool();
    await pool.waitForWrites();
    await pool.asAdmin((pcp) => pcp.promoteNode(2, { gracefully: false, switchover: true }));
    await pool.waitForWrites();
    expect(await pool.follow(0)).toBe("0 2 0 0");
    expect(await pool.follow(1)).toBe("1 2 0 0");
    await pool.waitForNodes("up standby, up standby, up primary");
    const refused = pool.asAdmin((pcp) =>
      pcp.promoteNode(2, { gracefully: false, switchover: true })
    );
    await expect(refused).rejects.toThrow(/invalid promote request/);
  }, 60_000);

  it(
    "without switchover follows a server that has been promoted, and believes no other",
    async () => {
      await pool.startPgpool({ follow_primary_command: "" });
      await pool.waitForWrites();
      await pool.cluster.server(1).promote();
      await pool.asAdmin((pcp) => pcp.promoteNode(1, { gracefully: false, switchover: false }));
      await pool.waitForWrites();
      await pool.waitForNodes("down standby, up primary, up standby");
      const refused = pool.asAdmin((pcp) =>
        pcp.promoteNode(2, { gracefully: false, switchover: false })
      );
      await expect(refused).rejects.toThrow(/could not process promote request/);
      await pool.waitForWrites();
    },
    60_000,
  );
});
