import { describe, expect, it } from "bun:test";
import fc from "fast-check";
import {
  authenticationCleartext,
  authenticationMd5,
  authenticationOk,
  authenticationSasl,
  passwordMessage,
  saslInitialResponse,
} from "../../lib/auth/auth-messages.ts";
import type { ServerCredentials, StoredPassword } from "../../lib/auth/credentials.ts";
import { storedFromCredentials } from "../../lib/auth/credentials.ts";
import {
  type AuthStep,
  ClientAuth,
  type ClientAuthContext,
  clientMethodForServerRequest,
} from "../../lib/auth/frontend.ts";
import type { HbaMethod } from "../../lib/auth/hba.ts";
import { md5Password } from "../../lib/auth/md5.ts";
import { buildVerifier, SCRAM_SHA_256 } from "../../lib/auth/scram.ts";
import { ServerAuth, type ServerStep } from "../../lib/auth/server-side.ts";
import { body, seededRandom } from "./support.ts";

const random = seededRandom("login");
const verifier = buildVerifier("pencil", Buffer.alloc(16, 9));
const stored = {
  plain: { kind: "plain", password: "pencil" },
  md5: { kind: "md5", hash: md5Password("pencil", "alice") },
  scram: { kind: "scram", verifier },
  sealed: { kind: "aes-undecryptable", reason: "no-key" },
} satisfies Record<string, StoredPassword>;

const gate = (method: HbaMethod, entry?: StoredPassword, more: Partial<ClientAuthContext> = {}) =>
  new ClientAuth({ method, user: "alice", stored: entry, random, ...more });
const login = (credentials: ServerCredentials | StoredPassword, channelBinding?: Uint8Array) =>
  new ServerAuth({ user: "alice", credentials, random, channelBinding });
const password = (text: string): ServerCredentials => ({ kind: "password", password: text });

/** Lets a client with `credentials` log in at `auth`; gives the last steps of both. */
function meet(auth: ClientAuth, client: ServerAuth): { gate: AuthStep; client: ServerStep } {
  let gateStep = auth.start();
  let clientStep: ServerStep = { state: "continue" };
  while (gateStep.state === "continue") {
    clientStep = client.onAuthentication(body(gateStep.send[0]));
    if (clientStep.state !== "continue" || clientStep.send === undefined) break;
    gateStep = auth.onPasswordMessage(body(clientStep.send));
  }
  if (gateStep.state === "ok" || gateStep.state === "verify-with-server") {
    for (const message of gateStep.send) client.onAuthentication(body(message));
    clientStep = client.onAuthentication(body(authenticationOk()));
  }
  return { gate: gateStep, client: clientStep };
}

function outcome(method: HbaMethod, entry: StoredPassword | undefined, given = "pencil"): string {
  const { gate: step } = meet(gate(method, entry), login(password(given)));
  return step.state === "ok" ? step.credentials.kind : step.state;
}

describe("clients of pgpool", () => {
  it("get in with the right password for each method and kind of entry that go together", () => {
    expect(outcome("scram-sha-256", stored.plain)).toBe("password");
    expect(outcome("scram-sha-256", stored.scram)).toBe("scram");
    expect(outcome("md5", stored.plain)).toBe("password");
    expect(outcome("md5", stored.md5)).toBe("md5");
    expect(outcome("md5", stored.scram)).toBe("scram");
    for (const entry of [stored.plain, stored.md5, stored.scram]) {
      expect(outcome("password", entry)).toBe("password");
    }
  });

  it("do not get in with a wrong password, an empty one, or without a usable entry", () => {
    for (const method of ["scram-sha-256", "md5", "password"] as const) {
      for (const entry of [stored.plain, stored.md5, stored.scram, stored.sealed]) {
        expect(outcome(method, entry, "wrong")).toBe("failed");
        expect(outcome(method, entry, "")).toBe("failed");
      }
      expect(outcome(method, { kind: "plain", password: "" }, "")).toBe("failed");
      expect(outcome(method, stored.sealed)).toBe("failed");
    }
    expect(outcome("scram-sha-256", undefined)).toBe("failed");
    expect(outcome("scram-sha-256", stored.md5)).toBe("failed");
    expect(outcome("md5", undefined)).toBe("failed");
    expect(outcome("password", undefined, "")).toBe("failed");
  });

  it("whose clear-text password nobody can compare have to be verified by a server", () => {
    const { gate: step } = meet(gate("password"), login(password("anything")));
    expect(step).toMatchObject({ state: "verify-with-server", credentials: password("anything") });
  });

  it("are told the same whether the user exists or not", () => {
    for (const method of ["scram-sha-256", "md5"] as const) {
      const failure = (entry: StoredPassword | undefined) => {
        const { gate: step } = meet(gate(method, entry), login(password("wrong")));
        if (step.state !== "failed") throw new Error("must fail");
        const { logDetail, ...shown } = step.failure;
        expect(logDetail).toContain("alice");
        return shown;
      };
      expect(failure(undefined)).toEqual(failure(stored.plain));
      expect(failure(stored.sealed)).toEqual(failure(stored.plain));
      expect(failure(undefined).sqlstate).toBe("28P01");
    }
  });

  it("are let in by trust, kept out by reject and by methods not available", () => {
    expect(gate("trust").start()).toMatchObject({ state: "ok", credentials: { kind: "none" } });
    for (const method of ["reject", "pam", "ldap"] as const) {
      expect(gate(method).start()).toMatchObject({
        state: "failed",
        failure: { sqlstate: "28000" },
      });
    }
  });

  it("show a certificate with their name in any case", () => {
    const show = (clientCertCommonName?: string) =>
      gate("cert", stored.plain, { tls: { clientCertCommonName } }).start();
    expect(show("ALICE")).toMatchObject({
      state: "ok",
      credentials: password("pencil"),
      log: 'SSL certificate authentication for user "alice" with Pgpool-II is successful',
    });
    for (const step of [show("bob"), show(), gate("cert").start()]) {
      expect(step).toMatchObject({
        state: "failed",
        failure: {
          message: "CERT authentication failed",
          detail: "no valid certificate presented",
        },
      });
    }
  });

  it("may use channel binding when the connection has TLS", () => {
    const certificateHash = Buffer.alloc(32, 1);
    const auth = gate("scram-sha-256", stored.scram, { tls: { certificateHash } });
    expect(meet(auth, login(password("pencil"), certificateHash)).client).toMatchObject({
      state: "ok",
    });
    const other = gate("scram-sha-256", stored.scram, { tls: { certificateHash } });
    expect(meet(other, login(password("pencil"), Buffer.alloc(32, 2))).gate).toMatchObject({
      state: "failed",
      failure: { sqlstate: "28000" },
    });
  });

  it("may send their first SCRAM message only after an empty challenge", () => {
    const auth = gate("scram-sha-256", stored.scram);
    auth.start();
    const noData = Buffer.concat([
      Buffer.from(`${SCRAM_SHA_256}\0`),
      Buffer.from([255, 255, 255, 255]),
    ]);
    expect(auth.onPasswordMessage(noData)).toMatchObject({ state: "continue" });
    expect(auth.onPasswordMessage(Buffer.from("n,,n=,r=abcdef"))).toMatchObject({
      state: "continue",
    });
  });

  it("that send anything else get a protocol violation, never a crash", () => {
    const violation = { state: "failed", failure: { sqlstate: "08P01" } };
    expect(gate("trust").onPasswordMessage(Buffer.from("x\0"))).toMatchObject(violation);
    const start = (method: HbaMethod) => {
      const auth = gate(method, stored.plain);
      auth.start();
      return auth;
    };
    for (const bytes of ["", "x", "x\0y\0", "x\0\0"]) {
      expect(start("password").onPasswordMessage(Buffer.from(bytes))).toMatchObject(violation);
      expect(start("scram-sha-256").onPasswordMessage(Buffer.from(bytes))).toMatchObject(violation);
    }
    expect(start("password").onPasswordMessage(Buffer.alloc(70_000))).toMatchObject(violation);
    const unknown = body(saslInitialResponse("SCRAM-SHA-1", Buffer.from("n,,n=,r=a")));
    expect(start("scram-sha-256").onPasswordMessage(unknown)).toMatchObject(violation);
    fc.assert(fc.property(fc.uint8Array(), fc.uint8Array(), (first, second) => {
      for (const method of ["scram-sha-256", "md5"] as const) {
        const auth = start(method);
        auth.onPasswordMessage(first);
        expect(auth.onPasswordMessage(second).state).toBe("failed");
      }
    }));
  });
});

describe("logging in to servers", () => {
  it("works with trust, clear text, md5 and SCRAM, and tells whether a password was checked", () => {
    const trusting = login({ kind: "none" });
    expect(trusting.onAuthentication(body(authenticationOk()))).toEqual({
      state: "ok",
      proved: false,
    });

    const clear = login(stored.plain);
    expect(clear.onAuthentication(body(authenticationCleartext())))
      .toEqual({ state: "continue", send: passwordMessage("pencil") });
    expect(clear.onAuthentication(body(authenticationOk())))
      .toEqual({ state: "ok", proved: true, asked: "password" });

    for (const entry of [stored.plain, stored.md5]) {
      expect(meet(gate("md5", stored.plain), login(entry)).client)
        .toEqual({ state: "ok", proved: true, asked: "md5" });
    }
    expect(meet(gate("scram-sha-256", stored.plain), login(stored.plain)).client)
      .toEqual({ state: "ok", proved: true, asked: "scram-sha-256" });
  });

  it("works with what a client's SCRAM login revealed, and with that alone", () => {
    const { gate: step } = meet(gate("scram-sha-256", stored.scram), login(password("pencil")));
    if (step.state !== "ok") throw new Error("must succeed");
    const server = () => gate("scram-sha-256", { kind: "scram", verifier });
    expect(meet(server(), login(step.credentials)).client).toMatchObject({
      state: "ok",
      proved: true,
    });
    const clear = login(step.credentials).onAuthentication(body(authenticationCleartext()));
    expect(clear).toEqual({ state: "need-password", asked: "password" });
    const asClient = storedFromCredentials(step.credentials);
    expect(outcome("scram-sha-256", asClient)).toBe("scram");
  });

  it("asks for a better password when the one at hand does not answer, and goes on with it", () => {
    const salt = Buffer.from("abcd");
    const request = body(authenticationMd5(salt));
    for (const entry of [stored.scram, stored.sealed, { kind: "none" } as const]) {
      expect(login(entry).onAuthentication(request)).toEqual({
        state: "need-password",
        asked: "md5",
      });
    }
    const server = login({ kind: "none" });
    server.onAuthentication(request);
    expect(server.provide(password("pencil"))).toEqual(login(stored.md5).onAuthentication(request));
    expect(server.onAuthentication(body(authenticationOk()))).toMatchObject({
      state: "ok",
      proved: true,
    });

    const hopeless = login({ kind: "none" });
    hopeless.onAuthentication(body(authenticationSasl([SCRAM_SHA_256])));
    expect(hopeless.provide(stored.md5)).toMatchObject({
      state: "failed",
      failure: {
        message: "failed to authenticate with backend using SCRAM",
        detail: "valid password not found",
      },
    });
  });

  it("accepts SASL mechanism lists with entries in any order", () => {
    for (const list of [["X", SCRAM_SHA_256], [SCRAM_SHA_256, "X", "SCRAM-SHA-256-PLUS"]]) {
      const step = login(stored.plain).onAuthentication(body(authenticationSasl(list)));
      expect(step.state).toBe("continue");
    }
    const step = login(stored.plain).onAuthentication(body(authenticationSasl(["GSSAPI"])));
    expect(step).toMatchObject({ state: "failed" });
  });

  it("names a kind of authentication it does not know", () => {
    const gss = login(stored.plain).onAuthentication(Buffer.from([0, 0, 0, 7]));
    expect(gss).toMatchObject({
      state: "failed",
      failure: { message: "unsupported auth kind received from backend: authkind:7" },
    });
  });

  it("does not believe a server that leaves SCRAM halfway", () => {
    const server = login(stored.plain);
    server.onAuthentication(body(authenticationSasl([SCRAM_SHA_256])));
    expect(server.onAuthentication(body(authenticationOk()))).toMatchObject({ state: "failed" });
  });

  it("never crashes on what a server sends", () => {
    const code = fc.constantFrom(0, 3, 5, 7, 10, 11, 12);
    const message = fc.tuple(code, fc.uint8Array({ maxLength: 40 }))
      .map(([kind, data]) => Buffer.from([0, 0, 0, kind, ...data]));
    fc.assert(fc.property(fc.array(fc.oneof(message, fc.uint8Array())), (messages) => {
      const server = login(stored.plain);
      for (const bytes of messages) server.onAuthentication(bytes);
    }));
  });
});

describe("asking the client what a server wants to know", () => {
  const decide = (...args: Parameters<typeof clientMethodForServerRequest>) => {
    const decision = clientMethodForServerRequest(...args);
    return "method" in decision ? decision.method : decision.failure.message;
  };
  const noMd5 = "failed to authenticate with backend using md5";
  const noScram = "failed to authenticate with backend using SCRAM";

  it("follows the table of the reference without pool_hba", () => {
    expect(decide("password", undefined, false, undefined)).toBe("password");
    expect(decide("md5", undefined, true, undefined)).toBe("password");
    expect(decide("md5", undefined, false, undefined)).toBe(noMd5);
    expect(decide("md5", stored.md5, false, undefined)).toBe("md5");
    expect(decide("md5", stored.plain, false, undefined)).toBe("md5");
    expect(decide("scram-sha-256", undefined, true, undefined)).toBe("password");
    expect(decide("scram-sha-256", undefined, false, undefined)).toBe(noScram);
    expect(decide("scram-sha-256", stored.plain, true, undefined)).toBe("scram-sha-256");
    expect(decide("scram-sha-256", stored.scram, false, undefined)).toBe("scram-sha-256");
    expect(decide("scram-sha-256", stored.md5, false, undefined)).toBe(noScram);
    expect(decide("scram-sha-256", stored.sealed, true, undefined)).toBe(
      "SCRAM authentication failed",
    );
  });

  it("asks nobody for clear text whom pool_hba lets in otherwise", () => {
    expect(decide("md5", undefined, true, "trust")).toBe(noMd5);
    expect(decide("scram-sha-256", undefined, true, "trust")).toBe(noScram);
    expect(decide("password", undefined, false, "trust"))
      .toBe("failed to authenticate with backend using password");
    expect(decide("password", undefined, false, "password")).toBe("password");
  });
});
