/** Method cert of pool_hba.conf, and clients' certificates in general. */
import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { TestCluster } from "../../support/cluster.ts";
import { type Pgpool, startPgpool } from "../../support/pgpool.ts";
import { letIn, refusal, requestsOf } from "../support/logins.ts";
import { clientCertificate, TLS_SETTINGS, tlsFiles } from "./certificates.ts";

/** alice is who the client's certificate is for; mallory's has been revoked. */
const RULES = `
hostnossl all plain 127.0.0.1/32 trust
hostssl all encrypted 127.0.0.1/32 trust
hostssl all alice,bob,mallory,stranger,asked 127.0.0.1/32 cert
`;

let cluster: TestCluster;
let pgpool: Pgpool;

beforeAll(async () => {
  cluster = await TestCluster.start({ standbys: 0 });
  await cluster.query(
    `CREATE ROLE alice LOGIN; CREATE ROLE bob LOGIN; CREATE ROLE mallory LOGIN;
     CREATE ROLE stranger LOGIN; CREATE ROLE plain LOGIN; CREATE ROLE encrypted LOGIN;
     CREATE ROLE asked LOGIN`,
  );
  pgpool = await startPgpool({
    cluster,
    config: { ...TLS_SETTINGS, ssl_ca_cert: "ca.crt", ssl_crl_file: "ca.crl" },
    hba: RULES,
    files: tlsFiles(),
  });
}, 90_000);

afterAll(async () => {
  await pgpool?.[Symbol.asyncDispose]();
  await cluster?.[Symbol.asyncDispose]();
});

const TLS = ["request", "direct"] as const;

function attempt(
  user: string,
  tls: "request" | "direct",
  certificate?: Parameters<typeof clientCertificate>[0],
) {
  const tlsOptions = certificate === undefined ? {} : clientCertificate(certificate);
  return { port: pgpool.port, user, tls, tlsOptions };
}

const REFUSED = {
  S: "FATAL",
  C: "28000",
  M: "CERT authentication failed",
  D: "no valid certificate presented",
};

describe.each(TLS)("method cert (%s)", (tls) => {
  it("lets in whom the certificate is for, without a password", async () => {
    expect(await requestsOf(attempt("alice", tls, "client"))).toEqual([]);
    await pgpool.waitForLog(
      /SSL certificate authentication for user "alice" with Pgpool-II is successful/,
    );
  });

  it("refuses everybody else's certificate", async () => {
    expect(await refusal(attempt("bob", tls, "client"))).toMatchObject(REFUSED);
    await pgpool.waitForLog(/the certificate is for "alice" but the user is "bob"/);
  });

  it("refuses a certificate that has been revoked", async () => {
    await expectRefused(attempt("mallory", tls, "revoked"));
  });

  it("refuses a certificate of an unknown CA", async () => {
    await expectRefused(attempt("stranger", tls, "stranger"));
  });

  it("refuses clients without a certificate", async () => {
    expect(await refusal(attempt("alice", tls))).toMatchObject(REFUSED);
  });
});

describe("lines for TLS", () => {
  it("hostssl is for clients with TLS only", async () => {
    await letIn(attempt("encrypted", "request"));
    expect(await refusal({ port: pgpool.port, user: "encrypted" })).toMatchObject({
      C: "28000",
      D: expect.stringContaining("SSL off"),
    });
  });

  it("hostnossl is for clients without TLS only", async () => {
    await letIn({ port: pgpool.port, user: "plain", database: "postgres" });
    expect(await refusal(attempt("plain", "request"))).toMatchObject({
      C: "28000",
      D: expect.stringContaining("SSL on"),
    });
  });

  it("a certificate is not needed where no line asks for one", async () => {
    await letIn(attempt("encrypted", "direct"));
    await letIn(attempt("encrypted", "request", "client"));
  });
});

/** By an error during the login, or by an alert of TLS itself as PostgreSQL does it. */
async function expectRefused(login: Parameters<typeof refusal>[0]): Promise<void> {
  try {
    expect(await refusal(login)).toMatchObject(REFUSED);
  } catch (error) {
    if (!(error instanceof Error) || !("code" in error)) throw error;
    expect(String(error.code)).toMatch(/^(ECONNRESET|ERR_SSL_.*)$/);
  }
}
