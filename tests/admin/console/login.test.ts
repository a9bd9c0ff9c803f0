import { describe, expect, it } from "bun:test";
import { buildVerifier, formatVerifier } from "../../../lib/auth/scram-verifier.ts";
import { FailedAttempts } from "../../../lib/pcp/attempts.ts";
import { md5Hex } from "../../../lib/auth/md5.ts";
import * as frontend from "../../support/frontend.ts";
import { ScramExchange } from "../../support/scram.ts";
import { transcript } from "../../support/transcript.ts";
import { type ConsoleOptions, PASSWORD, TestConsole } from "./support.ts";

const VERIFIER = formatVerifier(buildVerifier(PASSWORD, Buffer.from("0123456789abcdef"), 4096));
const BOTH = `plain:${md5Hex(PASSWORD)}\nscram:${VERIFIER}\n`;

function start(user: string, options: ConsoleOptions = {}, minor = 0): TestConsole {
  return new TestConsole(frontend.startup({ user, application_name: "t" }, minor), options);
}

/** What comes first, up to a request for a password or an error. */
async function opening(console: TestConsole): Promise<string[]> {
  return transcript(await console.stream.readUntil("RE"));
}

/** Answers the request for SCRAM; gives the types of all messages up to the end of the login. */
async function scram(console: TestConsole, password: string): Promise<string[]> {
  expect(await opening(console)).toEqual(["Authentication(SASL SCRAM-SHA-256)"]);
  const exchange = new ScramExchange(password);
  console.stream.give(frontend.saslInitialResponse("SCRAM-SHA-256", exchange.first));
  const [first] = await console.stream.readUntil("RE");
  const challenge = first?.body.subarray(4).toString() ?? "";
  console.stream.give(frontend.saslResponse(exchange.final(challenge)));
  return transcript(await console.stream.readUntil("ZE"));
}

describe("the login of a PostgreSQL client on the PCP port", () => {
  it("asks for the password itself where nobody can listen, and checks it by its md5", async () => {
    for (
      const options of [{ from: "127.0.0.5" }, { from: "::1" }, { from: "10.0.0.1", tls: true }]
    ) {
      const console = start("admin", options);
      expect(await opening(console)).toEqual(["Authentication(CleartextPassword)"]);
      const rest = await console.exchange(frontend.password(PASSWORD));
      expect(rest.at(0)).toBe("Authentication(Ok)");
      expect(rest).toContain("ParameterStatus(client_encoding=UTF8)");
      expect(rest).toContain("ParameterStatus(application_name=t)");
      expect(rest).toContain("ParameterStatus(session_authorization=admin)");
      expect(rest.slice(-2)).toEqual(["BackendKeyData(4 bytes)", "ReadyForQuery(I)"]);
    }
  });

  it("refuses to have the password sent over an open network", async () => {
    const console = start("admin", { from: "192.0.2.7" });
    expect(await opening(console)).toEqual([
      "ErrorResponse(S FATAL, V FATAL, C 28000, M the connection is not encrypted, and the " +
      "password would be sent as it is, H Connect with sslmode=require, or store the password in " +
      "pcp.conf as a SCRAM verifier.)",
    ]);
    await console.ended;
    expect(console.stream.closed).toBe(true);
  });

  it("uses SCRAM from anywhere for a user with a verifier", async () => {
    const console = start("scram", { pcp: BOTH, from: "192.0.2.7" }, 2);
    const rest = await scram(console, PASSWORD);
    expect(rest[0]).toStartWith("Authentication(SASLFinal)");
    expect(rest[1]).toBe("Authentication(Ok)");
    expect(rest.slice(-2)).toEqual(["BackendKeyData(32 bytes)", "ReadyForQuery(I)"]);
  });

  it("refuses wrong passwords and unknown users alike, and counts them", async () => {
    const attempts = new FailedAttempts(() => 0);
    const refusal = (user: string) =>
      `ErrorResponse(S FATAL, V FATAL, C 28P01, M password authentication failed for user "${user}")`;
    for (const user of ["scram", "nobody"]) {
      expect(await scram(start(user, { pcp: BOTH, attempts }), "wrong")).toEqual([refusal(user)]);
    }
    const known = start("admin", { attempts });
    await opening(known);
    known.stream.give(frontend.password(""));
    expect(await opening(known)).toEqual([refusal("admin")]);
    await known.ended;
    expect(attempts.failed("127.0.0.1")).toBeGreaterThan(0);
    expect(known.log.join()).toContain(
      'PCP: password authentication failed for user "admin" (user "admin" from 127.0.0.1:5000)',
    );
  });

  it("asks unknown users for the password when nobody has a verifier", async () => {
    const console = start("nobody");
    expect(await opening(console)).toEqual(["Authentication(CleartextPassword)"]);
    console.stream.give(frontend.password("-".repeat(32)));
    expect((await opening(console))[0]).toContain("C 28P01");
  });

  it("looks at no password while too many wrong ones are being answered", async () => {
    const attempts = new FailedAttempts(() => 0);
    for (let times = 0; times < 20; times++) attempts.failed("127.0.0.1");
    const console = start("admin", { attempts });
    await opening(console);
    console.stream.give(frontend.password(PASSWORD));
    expect((await opening(console))[0]).toContain("too many failed attempts, try again later");
  });

  it("negotiates newer protocols and options down to what there is", async () => {
    const parameters = { user: "admin", "_pq_.new": "1" };
    const console = new TestConsole(frontend.startup(parameters, 9));
    expect(await opening(console)).toEqual([
      "NegotiateProtocolVersion(3.2 _pq_.new)",
      "Authentication(CleartextPassword)",
    ]);
  });

  it("refuses replication, other protocols, nobody and values that can not be", async () => {
    const refused: [Buffer, string][] = [
      [frontend.startup({ user: "admin", replication: "database" }), "C 0A000"],
      [frontend.startup({ user: "admin" }, 0, 2), "M unsupported frontend protocol 2.0"],
      [frontend.startup({ database: "x" }), "C 28000"],
      [frontend.startup({ user: "admin", client_encoding: "LATIN1" }), "C 0A000"],
    ];
    for (const [packet, text] of refused) {
      const console = new TestConsole(packet);
      const [error = ""] = await opening(console);
      expect(error).toContain("S FATAL");
      expect(error).toContain(text);
      await console.ended;
    }
  });

  it("ends with anything but a password, without an answer to what has no name", async () => {
    const console = start("admin");
    await opening(console);
    console.stream.give(frontend.query("SELECT 1"));
    expect((await opening(console))[0]).toContain("C 08P01, M expected password response");
    await console.ended;
  });

  it("closes on a cancel request, which has nothing to cancel", async () => {
    const console = new TestConsole(frontend.cancelRequest(1, Buffer.alloc(4)));
    await console.ended;
    expect(console.stream.closed).toBe(true);
    expect(console.stream.output).toHaveLength(0);
  });
});
