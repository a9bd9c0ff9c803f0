import { rmSync } from "node:fs";
import { TestCluster, waitForStreaming } from "../../support/cluster.ts";
import type { Settings } from "../../support/config-file.ts";
import type { PostgresServer } from "../../support/postgres.ts";
import { waitFor } from "../../support/wait.ts";

/** Two servers that take turns as the primary, and a table `t (id int)`. */
export class Roles implements AsyncDisposable {
  private constructor(readonly cluster: TestCluster, public primaryId: number) {}

  static async start(): Promise<Roles> {
    const roles = new Roles(await TestCluster.start(), 0);
    await roles.primary.query("CREATE TABLE t (id int)");
    await roles.cluster.waitForReplay();
    return roles;
  }

  get standbyId(): number {
    return 1 - this.primaryId;
  }

  get primary(): PostgresServer {
    return this.cluster.server(this.primaryId);
  }

  get standby(): PostgresServer {
    return this.cluster.server(this.standbyId);
  }

  /** Settings by which reads go to the standby. */
  get readsOnStandby(): Settings {
    return {
      [`backend_weight${this.primaryId}`]: 0,
      [`backend_weight${this.standbyId}`]: 1,
    };
  }

  /** Makes the standby the primary; the old primary is expected to be down. */
  async promote(): Promise<void> {
    await this.standby.promote();
    this.primaryId = this.standbyId;
  }

  /** The standby has become the primary, and the old primary still runs. */
  switched(): void {
    this.primaryId = this.standbyId;
  }

  /** Makes a server that is a primary still the standby again, and starts what is down. */
  async settle(): Promise<void> {
    if (this.standby.running && !await this.standby.isStandby()) await this.standby.kill();
    await this.heal();
  }

  /** Waits until the standby has applied what the primary has written so far. */
  async waitForReplay(): Promise<void> {
    const [row] = await this.primary.query("SELECT pg_current_wal_lsn()::text AS lsn");
    await waitFor(async () => {
      const [{ done } = {}] = await this.standby.query(
        "SELECT pg_last_wal_replay_lsn() >= $1::pg_lsn AS done",
        [String(row?.["lsn"])],
      );
      return done === true;
    }, { what: "the standby to catch up" });
  }

  /** Starts what is down, a former primary from a fresh copy, and empties the table. */
  async heal(): Promise<void> {
    if (!this.primary.running) await this.primary.start();
    if (!this.standby.running) {
      if (!this.standby.isSetUpAsStandby()) await this.#remakeStandby();
      await this.standby.start();
    }
    await waitForStreaming(this.primary, [this.standby.name]);
    await this.primary.query("TRUNCATE t");
  }

  async #remakeStandby(): Promise<void> {
    const { options } = this.standby;
    rmSync(options.dataDir, { recursive: true, force: true });
    this.cluster.servers[this.standbyId] = await this.primary.makeStandby(options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cluster[Symbol.asyncDispose]();
  }
}
