import { describe, expect, it } from "bun:test";
import fc from "fast-check";
import type { ClusterSnapshot, NodeStatus } from "../../lib/cluster/types.ts";
import * as build from "../../lib/wire/build.ts";
import { TransactionStatus } from "../../lib/wire/protocol.ts";
import * as frontend from "../support/frontend.ts";
import { BOUND, CLUSTER, done, failed, Harness, lookupAnswer, names, PARSED } from "./harness.ts";

const { query } = build;
/** What pgpool makes a transaction fail with. */
const ABORT = "Q send invalid query from pgpool";
const IN_FAILED = { severity: "ERROR", sqlstate: "25P02", message: "transaction is aborted" };

/** What can happen to a session, one after the other. */
type Happening =
  | { readonly kind: "insert" | "select" | "begin" | "commit" | "pipeline" }
  | { readonly kind: "answer" | "close" | "crash" | "refuse" | "let in"; readonly node: number }
  | { readonly kind: "gate"; readonly closed: boolean }
  | { readonly kind: "cluster"; readonly primary: number; readonly statuses: NodeStatus[] }
  | { readonly kind: "tick"; readonly mayWait: boolean };

const node = fc.constantFrom(0, 1);
const status = fc.constantFrom<NodeStatus>("up", "up", "down");
const word = fc.constantFrom<
  Happening["kind"] & ("insert" | "select" | "begin" | "commit" | "pipeline")
>(
  "insert",
  "select",
  "begin",
  "commit",
  "pipeline",
);
const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: word }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant("answer" as const), node }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom<"close" | "crash" | "refuse" | "let in">(
        "close",
        "crash",
        "refuse",
        "let in",
      ),
      node,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("gate" as const), closed: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("cluster" as const),
      primary: fc.constantFrom(-1, 0, 1),
      statuses: fc.array(status, { minLength: 2, maxLength: 2 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("tick" as const), mayWait: fc.boolean() }),
  },
);

/** A session, its two servers as they would answer, and what must never happen. */
class Play {
  readonly harness = new Harness();
  readonly faults: string[] = [];
  readonly #sent = new Set<string>();
  /** Whether a server has been sent BEGIN and nothing that ends the transaction. */
  readonly #begun = [false, false];
  /** Whether it has been made to fail the transaction, so that it refuses whatever comes. */
  readonly #aborted = [false, false];
  readonly #status: number[] = [TransactionStatus.Idle, TransactionStatus.Idle];
  #inserts = 0;
  #asked = 0;

  constructor() {
    this.harness.isVerdictDue = true;
    this.harness.onWrite = (to, bytes) => this.#watch(to, names([bytes]));
  }

  async happen(what: Happening): Promise<void> {
    const { harness } = this;
    switch (what.kind) {
      case "insert":
        this.#asked++;
        harness.client(query(`insert into t values (${this.#inserts++})`));
        break;
      case "select":
      case "begin":
      case "commit":
        this.#asked++;
        harness.client(query(what.kind === "select" ? "select 1" : what.kind));
        break;
      case "pipeline":
        this.#asked++;
        harness.client(
          frontend.parse(`insert into t values (${this.#inserts++})`),
          frontend.bind(),
          frontend.execute(),
          frontend.sync,
        );
        break;
      case "answer":
        this.#answer(what.node);
        break;
      case "close":
        this.#lose(what.node);
        break;
      case "crash":
        harness.server(what.node, build.errorResponse(CRASH));
        this.#lose(what.node);
        break;
      case "refuse":
        harness.refuseNode = what.node;
        break;
      case "let in":
        harness.refuseNode = -1;
        break;
      case "gate":
        harness.gate.closed = what.closed;
        if (what.closed) harness.session.holding.settle();
        else harness.session.resume("end of a pause");
        break;
      case "cluster":
        harness.session.setSnapshot(snapshotOf(what.statuses, what.primary));
        break;
      case "tick":
        harness.mayWait = what.mayWait;
        harness.session.holding.tick(5);
        break;
    }
    await Promise.resolve();
  }

  /** Answers what a server has been sent, as a server does. */
  #answer(from: number): void {
    const { harness } = this;
    if (harness.servers[from]?.released !== undefined) return;
    for (const line of harness.got(from)) {
      if (harness.servers[from]?.released !== undefined) return;
      for (const bytes of this.#answersTo(from, line)) harness.server(from, bytes);
    }
  }

  #answersTo(from: number, line: string): Uint8Array[] {
    const status = this.#status[from] ?? TransactionStatus.Idle;
    const as = (next: number, tag: string) => {
      this.#status[from] = next;
      return [done(tag, next)];
    };
    if (line.startsWith("Q SELECT pg_catalog.current_setting")) return [lookupAnswer()];
    if (line === "Q begin" || line === "Q BEGIN") {
      return as(TransactionStatus.InTransaction, "BEGIN");
    }
    if (line.startsWith(ABORT)) {
      this.#status[from] = TransactionStatus.Failed;
      return [failed("42601", TransactionStatus.Failed)];
    }
    if (line === "Q commit" || line === "Q ROLLBACK") return as(TransactionStatus.Idle, "COMMIT");
    if (status === TransactionStatus.Failed) {
      if (line.startsWith("Q")) return [failed("25P02", status)];
      if (line === "P") return [build.errorResponse(IN_FAILED)];
      return line === "S" ? [build.readyForQuery(status)] : [];
    }
    if (line.startsWith("Q")) return as(status, line.slice(2));
    if (line === "P") return [PARSED];
    if (line === "B") return [BOUND];
    if (line === "E") return [build.commandComplete("INSERT 0 1")];
    if (line === "S") return [build.readyForQuery(status)];
    return [];
  }

  #lose(which: number): void {
    const server = this.harness.servers[which];
    if (server === undefined || server.released !== undefined) return;
    this.#status[which] = TransactionStatus.Idle;
    this.#begun[which] = false;
    this.#aborted[which] = false;
    server.received.length = 0;
    this.harness.session.serverClosed(which, "gone");
  }

  /** Writes go to the verified primary alone, once, and into the transaction if there is one. */
  #watch(to: number, lines: readonly string[]): void {
    const { primary } = this.harness.session.router.snapshot;
    // What is sent together may stand before a BEGIN that is sent with it.
    const inTransaction = lines.length === 1 && this.harness.session.router.inTransaction;
    for (const line of lines) {
      if (/^Q begin$/i.test(line)) this.#begun[to] = true;
      if (line.startsWith(ABORT)) this.#aborted[to] = true;
      if (/^Q (commit|rollback)$/i.test(line)) this.#begun[to] = this.#aborted[to] = false;
      if (this.#aborted[to] === true) continue;
      if (line.startsWith("Q insert") && inTransaction && this.#begun[to] !== true) {
        this.faults.push(`${line} outside of the transaction`);
      }
      const writes = line.startsWith("Q insert") || line === "E";
      if (writes && to !== primary) this.faults.push(`${line} to node ${to}, primary ${primary}`);
      if (!line.startsWith("Q insert")) continue;
      if (this.#sent.has(line)) this.faults.push(`${line} twice`);
      this.#sent.add(line);
    }
  }

  /** All is well again: the client has its answers then, or was told that its session has ended. */
  async end(): Promise<void> {
    const calm: Happening[] = [
      { kind: "let in", node: 0 },
      { kind: "gate", closed: false },
      { kind: "cluster", primary: 0, statuses: ["up", "up"] },
    ];
    const rest: Happening[] = [
      { kind: "tick", mayWait: true },
      { kind: "answer", node: 0 },
      { kind: "answer", node: 1 },
    ];
    const rounds = Array.from({ length: 3 * this.#asked + 3 }, () => rest).flat();
    for (const what of [...calm, ...rounds]) await this.happen(what);
    const seen = names(this.harness.sent);
    const text = seen.join(" ");
    if (this.harness.clientEnded) {
      if (seen.pop() !== "E") this.faults.push(`it ended without a word: ${text}`);
    } else if (seen.filter((line) => line === "Z").length !== this.#asked) {
      this.faults.push(`${this.#asked} answers expected: ${text}`);
    }
    const isLast = (line: string, at: number) => line === "E" && seen[at + 1] !== "Z";
    if (seen.some(isLast)) this.faults.push(`an error before the last: ${text}`);
  }
}

const CRASH = { severity: "FATAL", sqlstate: "57P02", message: "crash of another process" };

function snapshotOf(statuses: readonly NodeStatus[], wanted: number): ClusterSnapshot {
  const nodes = CLUSTER.nodes.map((each, id) => ({ ...each, status: statuses[id] ?? "up" }));
  const primary = nodes[wanted]?.status === "up" ? wanted : -1;
  const main = nodes.findIndex((each) => each.status === "up");
  return { ...CLUSTER, nodes, primary, main, generation: 2 };
}

describe("a session while servers fail and change their roles", () => {
  it("sends no write anywhere but to the primary, none twice, and tells its end once", async () => {
    const property = fc.asyncProperty(
      fc.array(happening, { minLength: 1, maxLength: 40 }),
      async (happenings) => {
        const play = new Play();
        for (const what of happenings) await play.happen(what);
        await play.end();
        expect(play.faults).toEqual([]);
      },
    );
    await fc.assert(property, { numRuns: 2000 });
  }, 60_000);
});
