/** Everything that can befall a server, and what clients in every state see of it. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "bun:test";
import type { Settings } from "../../support/config-file.ts";
import { type Pgpool, startPgpool } from "../../support/pgpool.ts";
import type { RawClient } from "../../support/raw-client.ts";
import { errorFields } from "../../support/transcript.ts";
import { promotingCommand } from "../support/failover-commands.ts";
import { logIn, valueOf } from "../support/nodes.ts";
import { PCP_CONF, withPcp } from "../support/pcp.ts";
import { CLIENT_STATES, type StateName } from "./client-states.ts";
import { Roles } from "./roles.ts";

/**
 * What a client sees: it goes on, and the server that had this role before the fault answers; or
 * its session ends with one error of this SQLSTATE. With "either" nobody looks.
 */
type Seen = "primary" | "standby" | "either" | RegExp;
type Row = Readonly<Record<StateName, Seen>>;

/** The connection is lost, or the server said that it shuts down, or pgpool has taken it out. */
const GONE = /^(08006|57P01)$/;
const TAKEN_OUT = /^57P01$/;

const WRITERS_GO_ON = {
  "idle after a write": "primary",
  "in a transaction that has written": "primary",
  "in a pipeline that writes": "primary",
  "in COPY IN": "primary",
  "in COPY OUT of the primary": "primary",
} as const;

const READERS_GO_ON = {
  "idle after a read": "standby",
  "in a transaction that has read": "standby",
  "in a pipeline that reads": "standby",
  "in COPY OUT of the standby": "standby",
} as const;

function standbyIsGone(error: RegExp): Row {
  return {
    ...WRITERS_GO_ON,
    "idle after a read": "primary",
    "in a transaction that has read": "primary",
    "in a pipeline that reads": error,
    "in COPY OUT of the standby": error,
  };
}

function primaryIsReplaced(error: RegExp): Row {
  return {
    ...READERS_GO_ON,
    "idle after a write": "standby",
    "in a transaction that has written": error,
    "in a pipeline that writes": error,
    "in COPY IN": error,
    "in COPY OUT of the primary": error,
  };
}

interface Case {
  readonly name: string;
  readonly strike: () => unknown;
  readonly sees: Row;
  /** The standby is the primary afterwards. */
  readonly switches?: true;
  readonly config?: Settings;
}

let roles: Roles;
let pgpool: Pgpool;

beforeAll(async () => {
  roles = await Roles.start();
}, 60_000);

afterEach(async () => {
  roles.cluster.servers.forEach((server) => server.resume());
  await pgpool?.[Symbol.asyncDispose]();
  await roles.settle();
}, 60_000);

afterAll(async () => {
  await roles?.[Symbol.asyncDispose]();
});

/** A short interruption is borne: nobody is taken out for it. */
const PATIENT: Settings = {
  failover_on_backend_error: false,
  failover_on_backend_shutdown: false,
  health_check_max_retries: 10,
  health_check_retry_delay: 1,
};

const CASES: readonly Case[] = [
  {
    name: "the standby is killed",
    strike: () => roles.standby.kill(),
    sees: standbyIsGone(GONE),
  },
  {
    name: "the standby hangs",
    strike: () => roles.standby.pause(),
    sees: standbyIsGone(TAKEN_OUT),
  },
  {
    name: "the standby is shut down at once",
    strike: () => roles.standby.stop("immediate"),
    sees: standbyIsGone(GONE),
  },
  {
    name: "the standby is shut down in order",
    strike: () => roles.standby.stop("fast"),
    sees: standbyIsGone(GONE),
  },
  {
    name: "the standby is restarted",
    strike: () => roles.standby.restart(),
    sees: { ...standbyIsGone(GONE), "idle after a read": "standby" },
    config: PATIENT,
  },
  {
    name: "the standby is promoted by hand, and nobody tells pgpool",
    strike: () => roles.standby.promote(),
    sees: { ...WRITERS_GO_ON, ...READERS_GO_ON },
  },
  {
    name: "the standby is promoted by hand, and pgpool is told",
    strike: async () => {
      await roles.standby.promote();
      await withPcp(
        pgpool,
        (pcp) => pcp.promoteNode(roles.standbyId, { gracefully: false, switchover: false }),
      );
    },
    switches: true,
    sees: primaryIsReplaced(TAKEN_OUT),
  },
  {
    name: "the primary is killed",
    strike: () => roles.primary.kill(),
    switches: true,
    sees: primaryIsReplaced(GONE),
  },
  {
    name: "the primary hangs",
    strike: () => roles.primary.pause(),
    switches: true,
    sees: primaryIsReplaced(TAKEN_OUT),
  },
  {
    name: "the primary is shut down at once",
    strike: () => roles.primary.stop("immediate"),
    switches: true,
    sees: primaryIsReplaced(GONE),
  },
  {
    name: "the primary is shut down in order",
    strike: () => roles.primary.stop("fast"),
    switches: true,
    sees: primaryIsReplaced(GONE),
  },
  {
    name: "the primary is restarted",
    strike: () => roles.primary.restart(),
    sees: {
      ...primaryIsReplaced(GONE),
      "idle after a write": "primary",
      // Whether it reads the primary's goodbye before the primary is back is a matter of luck.
      "in COPY OUT of the standby": "either",
    },
    config: PATIENT,
  },
];

async function start(config: Settings = {}): Promise<void> {
  pgpool = await startPgpool({
    cluster: roles.cluster,
    pcp: PCP_CONF,
    config: {
      ...roles.readsOnStandby,
      worker_processes: 2,
      connect_timeout: 1000,
      health_check_period: 1,
      health_check_timeout: 1,
      failover_command: promotingCommand(roles.cluster),
      ...config,
    },
  });
}

/** A client in one of the states, and what has become of it when the fault is over. */
class Witness {
  private constructor(readonly name: StateName, readonly client: RawClient) {}

  static async in(name: StateName): Promise<Witness> {
    const client = await logIn(pgpool);
    const port = await CLIENT_STATES[name].begin(client);
    const server = name in WRITERS_GO_ON ? roles.primary : roles.standby;
    expect([name, port]).toEqual([name, String(server.port)]);
    return new Witness(name, client);
  }

  /** The SQLSTATEs of all errors until the session ended, or the port that answered. */
  async sees(expected: Seen): Promise<string> {
    try {
      return expected instanceof RegExp ? await this.#errors() : await this.#answer();
    } catch (error) {
      const errors = this.client.received.filter(({ type }) => type === "E").map(errorFields);
      return `${error} ${JSON.stringify(errors)}`;
    }
  }

  async #errors(): Promise<string> {
    this.client.resume();
    const messages = await this.client.readToEnd(15_000);
    return messages.filter(({ type }) => type === "E").map((each) => errorFields(each).C).join();
  }

  async #answer(): Promise<string> {
    const port = await CLIENT_STATES[this.name].end(this.client);
    return String(port);
  }
}

function isStateName(name: string): name is StateName {
  return name in CLIENT_STATES;
}

describe("when", () => {
  it.each(CASES.map((each) => [each.name, each] as const))("%s", async (_name, each) => {
    await start(each.config);
    const witnesses = await Promise.all(
      Object.keys(CLIENT_STATES).filter(isStateName).map((name) => Witness.in(name)),
    );
    const ports = { primary: roles.primary.port, standby: roles.standby.port };
    await each.strike();
    if (each.switches) roles.switched();

    // When some have been told, pgpool knows of the fault, and the others do their next step.
    const isTold = ({ name }: Witness) => each.sees[name] instanceof RegExp;
    const look = async (some: readonly Witness[]) =>
      await Promise.all(some.map(async (one) => [one.name, await one.sees(each.sees[one.name])]));
    const seen = [
      ...await look(witnesses.filter(isTold)),
      ...await look(witnesses.filter((one) => !isTold(one))),
    ];
    const wanted = Object.entries(each.sees).map(([name, expected]) => [
      name,
      expected === "either"
        ? expect.anything()
        : expected instanceof RegExp
        ? expect.stringMatching(expected)
        : String(ports[expected]),
    ]);
    expect(Object.fromEntries(seen)).toEqual(Object.fromEntries(wanted));
    witnesses.forEach(({ client }) => client.close());

    // A server that hung is there again, and still believes that it is the primary.
    roles.cluster.servers.forEach((server) => server.resume());
    for (let count = 0; count < 5; count++) {
      using newcomer = await logIn(pgpool);
      expect(await valueOf(newcomer, "INSERT INTO t VALUES (9) RETURNING current_setting('port')"))
        .toBe(String(roles.primary.port));
    }
  }, 60_000);
});
