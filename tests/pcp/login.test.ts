import { describe, expect, it } from "bun:test";
import fc from "fast-check";
import { md5Hex } from "../../lib/auth/md5.ts";
import { buildVerifier, formatVerifier } from "../../lib/auth/scram.ts";
import { PcpClientError } from "../../lib/pcp/client.ts";
import { logIn } from "../../lib/pcp/client-login.ts";
import { hashAnswer } from "../../lib/pcp/login.ts";
import { MAX_REPLY_LENGTH, MAX_REQUEST_LENGTH, PcpReader } from "../../lib/pcp/messages.ts";
import { encodeError } from "../../lib/pcp/notices.ts";
import { decodeRequest, encodeRequest, type LoginRequest } from "../../lib/pcp/requests.ts";
import { PcpServerSession, type ServerStep } from "../../lib/pcp/server-session.ts";
import { PcpUsers } from "../../lib/pcp/users.ts";

const verifier = formatVerifier(buildVerifier("secret", Buffer.alloc(16, 1)));

interface World {
  readonly pcp: string;
  readonly user?: string;
  readonly password: string;
  readonly channelBinding?: { readonly client?: Uint8Array; readonly server?: Uint8Array };
  readonly mayTry?: boolean;
  /** As a client of Pgpool-II, which does not say who it is before it knows the salt. */
  readonly isOld?: boolean;
}

/** Both ends without a network between them; gives what the client came to and what was asked. */
async function attempt(world: World): Promise<{ outcome: string; kinds: string[] }> {
  const { pcp, user = "admin", password, channelBinding = {}, mayTry = true, isOld } = world;
  const server = new PcpServerSession({
    users: () => PcpUsers.parse(pcp),
    mayTry: () => mayTry,
    channelBinding: channelBinding.server,
  });
  const answers = new PcpReader(MAX_REPLY_LENGTH);
  const kinds: string[] = [];
  const send = (request: LoginRequest) => {
    kinds.push(request.kind);
    const old = request.kind === "salt" && isOld ? { ...request, mechanisms: [] } : request;
    server.feed(encodeRequest(old));
    for (let step = server.next(); step !== undefined; step = server.next()) {
      answers.feed(bytesOf(step));
    }
  };
  const receive = async () => {
    const message = answers.next();
    if (message === undefined) throw new Error("no answer");
    return message;
  };
  try {
    await logIn({ user, password }, { send, receive, channelBinding: channelBinding.client });
    return { outcome: `in as ${server.user}`, kinds };
  } catch (error) {
    if (!(error instanceof PcpClientError)) throw error;
    return { outcome: error.detail || error.message, kinds };
  }
}

function bytesOf(step: ServerStep): Uint8Array {
  switch (step.kind) {
    case "answer":
    case "accepted":
      return step.bytes;
    case "refused":
    case "failed":
      return encodeError(step.error);
    case "work":
    case "over":
      throw new Error(`unexpected ${step.kind}`);
  }
}

const NO_MATCH = "username and/or password does not match";

describe("logging in to PCP", () => {
  it("computes md5 as pcp-protocol.md 2 says", () => {
    const salt = Buffer.from([1, 2, 3, 4]);
    const q = md5Hex(`${md5Hex("secret")}admin`);
    expect(hashAnswer(md5Hex("secret"), "admin", salt))
      .toBe(md5Hex(Buffer.concat([Buffer.from(q), salt])));
  });

  it("works with md5 in pcp.conf, whatever line of the user fits", async () => {
    const pcp = `admin:${md5Hex("old")}\nadmin:${md5Hex("secret")}\n`;
    expect(await attempt({ pcp, password: "secret" }))
      .toEqual({ outcome: "in as admin", kinds: ["salt", "authenticate"] });
    expect((await attempt({ pcp, password: "old" })).outcome).toBe("in as admin");
    expect((await attempt({ pcp, password: "x" })).outcome).toBe(NO_MATCH);
  });

  it("uses SCRAM where pcp.conf has a verifier", async () => {
    const pcp = `admin:${verifier}\n`;
    expect(await attempt({ pcp, password: "secret" }))
      .toEqual({ outcome: "in as admin", kinds: ["salt", "sasl", "sasl"] });
    expect((await attempt({ pcp, password: "wrong" })).outcome).toBe(NO_MATCH);
  });

  it("binds SCRAM to the TLS connection, so that nobody in between can pass it on", async () => {
    const pcp = `admin:${verifier}\n`;
    const own = Buffer.alloc(32, 1);
    const through = (client: Uint8Array, server: Uint8Array) =>
      attempt({ pcp, password: "secret", channelBinding: { client, server } });
    expect((await through(own, own)).outcome).toBe("in as admin");
    expect((await through(Buffer.alloc(32, 2), own)).outcome)
      .toBe("SCRAM channel binding check failed");
  });

  it("goes the same way for a user that does not exist as for one with a verifier", async () => {
    const pcp = `admin:${verifier}\n`;
    const unknown = await attempt({ pcp, user: "nobody", password: "secret" });
    expect(unknown).toEqual(await attempt({ pcp, password: "wrong" }));
  });

  it("of clients of Pgpool-II uses md5, and fails where there is only a verifier", async () => {
    const both = `admin:${verifier}\nadmin:${md5Hex("secret")}\n`;
    expect(await attempt({ pcp: both, password: "secret", isOld: true }))
      .toEqual({ outcome: "in as admin", kinds: ["salt", "authenticate"] });
    const outcome = await attempt({ pcp: `admin:${verifier}\n`, password: "secret", isOld: true });
    expect(outcome.outcome).toBe(NO_MATCH);
  });

  it("takes any user name and password that fit into a request", async () => {
    const name = fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 })
      .filter((text) => /^[^\s:#\0][^:\0\n]*$/.test(text) && text === text.trim());
    await fc.assert(
      fc.asyncProperty(name, fc.string({ unit: "grapheme" }), async (user, password) => {
        const pcp = `${user}:${md5Hex(password)}\n`;
        expect((await attempt({ pcp, user, password })).outcome).toBe(`in as ${user}`);
      }),
      { numRuns: 50 },
    );
  });

  it("refuses names that are too long for the protocol", async () => {
    const { outcome } = await attempt({ pcp: "", user: "x".repeat(128), password: "" });
    expect(outcome).toBe("PCP authorization failed. username too long.");
  });

  it("is refused, right password or not, while too many guesses are being answered", async () => {
    for (const secret of [md5Hex("secret"), verifier]) {
      const world = { pcp: `admin:${secret}\n`, password: "secret", mayTry: false };
      expect((await attempt(world)).outcome)
        .toBe("too many failed attempts, try again later");
    }
  });
});

/** What the server makes of these bytes, sent one by one. */
function served(...requests: readonly Uint8Array[]): string[] {
  const session = new PcpServerSession({
    users: () => PcpUsers.parse(`admin:${md5Hex("secret")}\n`),
    mayTry: () => true,
    channelBinding: undefined,
  });
  const steps: string[] = [];
  for (const byte of Buffer.concat(requests)) {
    session.feed(Uint8Array.of(byte));
    for (let step = session.next(); step !== undefined; step = session.next()) {
      if (step.kind !== "failed" && step.kind !== "refused") {
        steps.push(step.kind);
        continue;
      }
      steps.push(`${step.error.message}: ${step.error.detail}`);
      if (step.error.severity === "fatal") return steps;
    }
  }
  return steps;
}

describe("the server's side of a PCP connection", () => {
  const salt = encodeRequest({ kind: "salt", user: "", mechanisms: [] });
  const guess = encodeRequest({ kind: "authenticate", user: "admin", hash: "0".repeat(32) });

  it("refuses every request before the login", () => {
    const refused = ["authentication failed for new PCP connection: connection not authorized"];
    for (const letter of "ABCDFGHIJLNOPTVWZdjtq?\x01") {
      expect(served(Buffer.from(`${letter}\0\0\0\x05x`, "latin1"))).toEqual(refused);
    }
  });

  it("wants a fresh salt for each password", () => {
    expect(served(guess)).toEqual([`authentication failed: ${NO_MATCH}`]);
    expect(served(salt, guess)).toEqual([
      "answer",
      `authentication failed for user "admin": ${NO_MATCH}`,
    ]);
    const proof = encodeRequest({
      kind: "sasl",
      mechanism: "SCRAM-SHA-256",
      data: Buffer.from("n,,"),
    });
    expect(served(salt, proof)).toEqual([
      "answer",
      "authentication failed: unexpected SASL message",
    ]);
  });

  it("gives a connection ten salts and no more", () => {
    const steps = served(...Array<Uint8Array>(12).fill(salt));
    expect(steps).toEqual([
      ...Array<string>(10).fill("answer"),
      "authentication failed: too many attempts",
    ]);
  });

  it("ends the connection at a hostile length", () => {
    for (const length of [0, 260, 0x7fffffff, -2]) {
      const bytes = Buffer.from("L\0\0\0\0");
      bytes.writeInt32BE(length, 1);
      expect(served(bytes)).toEqual([`invalid PCP packet: incorrect packet length (${length})`]);
    }
  });

  it("never breaks on garbage", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        for (const step of served(bytes)) expect(step).not.toBe("work");
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 255 }), fc.nat(255), (body, type) => {
        const message = { type: String.fromCharCode(type), body };
        try {
          decodeRequest(message);
        } catch (error) {
          expect(error).toMatchObject({ name: "PcpError" });
        }
      }),
    );
  });

  it("reads requests of every length that the protocol allows", () => {
    const reader = new PcpReader(MAX_REQUEST_LENGTH);
    reader.feed(encodeRequest({ kind: "set-parameter", name: "a".repeat(250), value: "b" }));
    expect(reader.next()?.body.length).toBe(253);
  });
});
