import { describe, expect, it } from "bun:test";
import fc from "fast-check";
import { deriveScramKeys, hmac, xorKeys } from "../../lib/auth/scram-keys.ts";
import {
  buildVerifier,
  formatVerifier,
  MAX_DERIVED_ITERATIONS,
  parseVerifier,
  SCRAM_SHA_256,
  SCRAM_SHA_256_PLUS,
  ScramClient,
  ScramError,
  ScramKeyCache,
  ScramServer,
  verifierMatches,
} from "../../lib/auth/scram.ts";
import { bytes, seededRandom } from "./support.ts";

const salt = Buffer.from("W22ZaJ0SNY7soEsUEjb6gQ==", "base64");
const verifier = buildVerifier("pencil", salt);
const certificateHash = Buffer.alloc(32, 7);

interface Sides {
  client: ScramClient;
  server: ScramServer;
}

/** Runs a whole exchange; gives the ClientKey the server recovered. */
function exchange({ client, server }: Sides): Buffer {
  const { mechanism, initial } = client.start(server.mechanisms);
  const { serverFinal, clientKey } = server.final(
    client.continue(server.first(initial, mechanism)),
  );
  client.finish(serverFinal);
  return clientKey;
}

function reasonOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof ScramError) return error.reason;
    throw error;
  }
  return "none";
}

describe("SCRAM-SHA-256", () => {
  it("computes the proof and signature of RFC 7677 section 3", () => {
    const keys = deriveScramKeys("pencil", salt, 4096);
    const nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    const authMessage = bytes(
      `n=user,r=rOprNGfwEbeRWgbNEkqO,r=${nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=${nonce}`,
    );
    const proof = xorKeys(keys.clientKey, hmac(keys.storedKey, authMessage));
    expect(proof.toString("base64")).toBe("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
    expect(hmac(keys.serverKey, authMessage).toString("base64"))
      .toBe("6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
  });

  it("lets the right password in and no other", () => {
    const random = seededRandom("password");
    const login = (
      password: string,
      stored: { password: string } | { verifier: typeof verifier },
    ) =>
      reasonOf(() =>
        exchange({
          client: new ScramClient({ password, random }),
          server: new ScramServer({ user: "u", random, ...stored }),
        })
      );
    expect(login("pencil", { password: "pencil" })).toBe("none");
    expect(login("pencil", { verifier })).toBe("none");
    expect(login("pencil2", { password: "pencil" })).toBe("mismatch");
    expect(login("", { verifier })).toBe("mismatch");
  });

  it("recovers a ClientKey that logs in wherever the same verifier is stored", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "binary", minLength: 1 }),
        fc.uint8Array({ minLength: 1, maxLength: 32 }),
        (password, anySalt) => {
          const random = seededRandom(password);
          const stored = buildVerifier(password, anySalt, 10);
          const server = () => new ScramServer({ user: "u", verifier: stored, random });
          const client = new ScramClient({ password, random });
          const clientKey = exchange({ client, server: server() });
          const again = new ScramClient({ keys: { ...stored, clientKey }, random });
          expect(exchange({ client: again, server: server() })).toEqual(clientKey);
        },
      ),
      { numRuns: 50 },
    );
  });

  it("shows an unknown user the same salt every time and fails only at the end", () => {
    const random = seededRandom("unknown");
    const saltSecret = Buffer.alloc(32, 1);
    const server = () => new ScramServer({ user: "nobody", random, saltSecret });
    const saltShown = () => {
      const { initial, mechanism } = new ScramClient({ password: "mock", random }).start([
        SCRAM_SHA_256,
      ]);
      return server().first(initial, mechanism).toString().split(",")[1];
    };
    expect(saltShown()).toBe(saltShown());
    const known = new ScramServer({ user: "nobody", password: "x", random, saltSecret });
    const { initial, mechanism } = new ScramClient({ password: "x", random }).start([
      SCRAM_SHA_256,
    ]);
    expect(known.first(initial, mechanism).toString().split(",")[1]).toBe(saltShown());
    const client = new ScramClient({ password: "mock", random });
    expect(reasonOf(() => exchange({ client, server: server() }))).toBe("mismatch");
  });

  it("refuses to log in with keys of another verifier", () => {
    const random = seededRandom("other");
    const other = buildVerifier("pencil", Buffer.alloc(16), 4096);
    const keys = { ...other, clientKey: Buffer.alloc(32) };
    const server = new ScramServer({ user: "u", verifier, random });
    expect(reasonOf(() => exchange({ client: new ScramClient({ keys, random }), server })))
      .toBe("mismatch");
  });
});

describe("channel binding", () => {
  const random = seededRandom("binding");
  const server = (channelBinding?: Buffer) =>
    new ScramServer({ user: "u", verifier, channelBinding, random });
  const client = (channelBinding?: Buffer) =>
    new ScramClient({ password: "pencil", channelBinding, random });

  it("is used when both sides have it, wherever PLUS stands in the list", () => {
    expect(
      client(certificateHash).start(["OAUTHBEARER", SCRAM_SHA_256, SCRAM_SHA_256_PLUS]).mechanism,
    )
      .toBe(SCRAM_SHA_256_PLUS);
    expect(
      reasonOf(() =>
        exchange({ client: client(certificateHash), server: server(certificateHash) })
      ),
    )
      .toBe("none");
  });

  it("notices another certificate in between", () => {
    const sides = { client: client(Buffer.alloc(32, 8)), server: server(certificateHash) };
    expect(reasonOf(() => exchange(sides))).toBe("channel-binding");
  });

  it("notices an offer of PLUS that somebody removed", () => {
    const { initial, mechanism } = client(certificateHash).start([SCRAM_SHA_256]);
    expect(reasonOf(() => server(certificateHash).first(initial, mechanism)))
      .toBe("channel-binding");
    expect(reasonOf(() => server().first(initial, mechanism))).toBe("none");
  });

  it("is left out by clients without it", () => {
    expect(reasonOf(() => exchange({ client: client(), server: server(certificateHash) })))
      .toBe("none");
  });

  it("does not fit the plain mechanism", () => {
    const plus = bytes("p=tls-server-end-point,,n=,r=abc");
    expect(reasonOf(() => server(certificateHash).first(plus, SCRAM_SHA_256))).toBe("malformed");
    expect(reasonOf(() => server().first(plus, SCRAM_SHA_256_PLUS))).toBe("malformed");
    expect(
      reasonOf(() =>
        server(certificateHash).first(bytes("p=tls-unique,,n=,r=a"), SCRAM_SHA_256_PLUS)
      ),
    )
      .toBe("channel-binding");
  });
});

describe("hostile SCRAM messages", () => {
  const random = seededRandom("hostile");

  it.each([
    ["nothing", ""],
    ["no GS2 header", "n=u,r=abc"],
    ["an authorization identity", "n,a=root,n=u,r=abc"],
    ["a mandatory extension", "n,,m=x,n=u,r=abc"],
    ["no nonce", "n,,n=u"],
    ["an empty nonce", "n,,n=u,r="],
    ["a blank in the nonce", "n,,n=u,r=a b"],
    ["the nonce twice", "n,,n=u,r=abc,r=abc"],
    ["garbage after the nonce", "n,,n=u,r=abc,??"],
    ["an embedded zero", "n,,n=u,r=abc\0"],
    ["too much", `n,,n=u,r=${"a".repeat(1100)}`],
  ])("%s in client-first-message is malformed", (_what, message) => {
    const server = new ScramServer({ user: "u", verifier, random });
    expect(reasonOf(() => server.first(bytes(message), SCRAM_SHA_256))).toBe("malformed");
  });

  it.each([
    ["a nonce that is not ours", () => "r=abcdef,s=AAAA,i=4096", "malformed"],
    ["our nonce and nothing more", (n: string) => `r=${n},s=AAAA,i=4096`, "malformed"],
    ["no salt", (n: string) => `r=${n}x,i=4096`, "malformed"],
    ["an empty salt", (n: string) => `r=${n}x,s=,i=4096`, "malformed"],
    ["a broken salt", (n: string) => `r=${n}x,s=A?,i=4096`, "malformed"],
    ["no iteration count", (n: string) => `r=${n}x,s=AAAA`, "malformed"],
    ["no iterations", (n: string) => `r=${n}x,s=AAAA,i=0`, "malformed"],
    ["a negative count", (n: string) => `r=${n}x,s=AAAA,i=-1`, "malformed"],
    ["a count beyond 32 bits", (n: string) => `r=${n}x,s=AAAA,i=9999999999`, "malformed"],
    ["absurd work", (n: string) => `r=${n}x,s=AAAA,i=${MAX_DERIVED_ITERATIONS + 1}`, "limit"],
    ["something after the count", (n: string) => `r=${n}x,s=AAAA,i=1,x=y`, "malformed"],
    ["a mandatory extension", (n: string) => `m=x,r=${n}x,s=AAAA,i=1`, "malformed"],
  ])("%s in server-first-message is refused", (_what, message, reason) => {
    const client = new ScramClient({ password: "x", random });
    const { initial } = client.start([SCRAM_SHA_256]);
    const nonce = initial.toString().slice(initial.indexOf("r=") + 2);
    expect(reasonOf(() => client.continue(bytes(message(nonce))))).toBe(reason);
  });

  it("a wrong server signature or a server's complaint fails the client", () => {
    const finish = (answer: string) => {
      const client = new ScramClient({ password: "pencil", random });
      const server = new ScramServer({ user: "u", verifier, random });
      const { initial, mechanism } = client.start(server.mechanisms);
      client.continue(server.first(initial, mechanism));
      return reasonOf(() => client.finish(bytes(answer)));
    };
    expect(finish(`v=${Buffer.alloc(32).toString("base64")}`)).toBe("mismatch");
    expect(finish("e=other-error")).toBe("mismatch");
    expect(finish("v=AAAA")).toBe("malformed");
  });

  it("messages out of order are refused on both sides", () => {
    const server = new ScramServer({ user: "u", verifier, random });
    expect(reasonOf(() => server.final(bytes("c=biws,r=a,p=AAAA")))).toBe("malformed");
    const client = new ScramClient({ password: "x", random });
    expect(reasonOf(() => client.continue(bytes("r=a,s=AAAA,i=1")))).toBe("malformed");
    expect(reasonOf(() => client.finish(bytes("v=AAAA")))).toBe("malformed");
    expect(reasonOf(() => client.start(["GSSAPI"]))).toBe("malformed");
  });

  it("mutated messages end in ScramError and nothing else, and never let anybody in", () => {
    const mutation = fc.record({
      turn: fc.integer({ min: 0, max: 3 }),
      at: fc.nat(2000),
      remove: fc.nat(4),
      insert: fc.uint8Array({ maxLength: 4 }),
    });
    fc.assert(
      fc.property(mutation, ({ turn, at, remove, insert }) => {
        const client = new ScramClient({ password: "pencil", random });
        const server = new ScramServer({ user: "u", verifier, random });
        let changed = false;
        const pass = (number: number, message: Buffer) => {
          if (number !== turn) return message;
          const position = at % (message.length + 1);
          const mutated = Buffer.concat([
            message.subarray(0, position),
            insert,
            message.subarray(position + remove),
          ]);
          changed = !mutated.equals(message);
          return mutated;
        };
        const reason = reasonOf(() => {
          const { initial, mechanism } = client.start(server.mechanisms);
          const first = server.first(pass(0, initial), mechanism);
          const { serverFinal } = server.final(pass(2, client.continue(pass(1, first))));
          client.finish(pass(3, serverFinal));
        });
        expect(reason === "none").toBe(!changed);
      }),
      { numRuns: 500 },
    );
  });
});

describe("SCRAM verifiers", () => {
  const text = formatVerifier(verifier);

  it("are read and written as PostgreSQL stores them", () => {
    expect(text).toMatch(/^SCRAM-SHA-256\$4096:W22ZaJ0SNY7soEsUEjb6gQ==\$[^:]+=:[^:]+=$/);
    expect(parseVerifier(text)).toEqual(verifier);
  });

  it("round-trip for any salt, keys and iteration count", () => {
    const key = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((raw) => Buffer.from(raw));
    const any = fc.record({
      iterations: fc.integer({ min: 1, max: 2_147_483_647 }),
      salt: fc.uint8Array({ minLength: 1, maxLength: 64 }).map((raw) => Buffer.from(raw)),
      storedKey: key,
      serverKey: key,
    });
    fc.assert(fc.property(any, (made) => {
      expect(parseVerifier(formatVerifier(made))).toEqual(made);
    }));
  });

  it.each([
    "SCRAM-SHA-256$",
    text.slice(0, -2),
    text.replace("4096", "0"),
    text.replace("4096", "99999999999"),
    text + "x",
    text.replaceAll("=", ""),
  ])("malformed ones are refused (%#)", (broken) => {
    expect(reasonOf(() => parseVerifier(broken))).toBe("malformed");
  });

  it("check clear-text passwords", () => {
    expect(verifierMatches(verifier, "pencil")).toBe(true);
    expect(verifierMatches(verifier, "Pencil")).toBe(false);
    expect(verifierMatches({ ...verifier, iterations: 2_000_000_000 }, "pencil")).toBe(false);
  });
});

describe("the cache of derived keys", () => {
  it("stays within its bound and gives the same keys", () => {
    const cache = new ScramKeyCache(3);
    const first = cache.derive("a", salt, 1);
    for (const password of ["b", "c", "a", "d", "e"]) cache.derive(password, salt, 1);
    expect(cache.size).toBe(3);
    expect(cache.derive("a", salt, 1)).toBe(first);
    expect(cache.derive("a", salt, 2)).not.toEqual(first);
  });
});
