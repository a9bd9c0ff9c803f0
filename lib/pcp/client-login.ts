import { randomBytes } from "node:crypto";
import { ScramError } from "../auth/errors.ts";
import { encodePassword } from "../auth/password-bytes.ts";
import { md5Hex } from "../auth/md5.ts";
import { SCRAM_SHA_256, SCRAM_SHA_256_PLUS, ScramClient } from "../auth/scram.ts";
import { PcpClientError, type PcpClientErrorKind, type PcpConnectOptions } from "./client-types.ts";
import { hashAnswer } from "./login.ts";
import { type PcpMessage, splitStrings } from "./messages.ts";
import { decodeNotice } from "./notices.ts";
import type { LoginRequest } from "./requests.ts";

/** Longest user name of a client, in bytes (pcp-protocol.md 2). */
const USER_LIMIT = 127;
const SALT_BYTES = 4;

/** How a login talks to the other end. */
export interface LoginTransport {
  send(request: LoginRequest): void;
  receive(): Promise<PcpMessage>;
  readonly channelBinding: Uint8Array | undefined;
}

/**
 * The client's side of the login. A server of Pgpool-II ignores what the salt request says beyond
 * its length and is answered with md5; ours may offer SASL beside the salt.
 *
 * @throws {PcpClientError}
 */
export async function logIn(
  { user, password }: Pick<PcpConnectOptions, "user" | "password">,
  transport: LoginTransport,
): Promise<void> {
  if (encodePassword(user).length > USER_LIMIT) {
    throw new PcpClientError("authentication", "PCP authorization failed. username too long.");
  }
  const { channelBinding } = transport;
  const mechanisms = [...channelBinding ? [SCRAM_SHA_256_PLUS] : [], SCRAM_SHA_256];
  transport.send({ kind: "salt", user, mechanisms });
  const challenge = await expected(transport, "m");
  const salt = challenge.subarray(0, SALT_BYTES);
  const offered = splitStrings(challenge.subarray(SALT_BYTES));
  if (offered.length > 0) {
    await exchange(
      new ScramClient({ password, channelBinding, random: randomBytes }),
      offered,
      transport,
    );
  } else {
    transport.send({ kind: "authenticate", user, hash: hashAnswer(md5Hex(password), user, salt) });
  }
  const [answer = ""] = splitStrings(await expected(transport, "r"));
  if (answer !== "AuthenticationOK") {
    throw new PcpClientError("authentication", `authentication failed. reason="${answer}"`);
  }
}

async function exchange(
  scram: ScramClient,
  offered: readonly string[],
  transport: LoginTransport,
): Promise<void> {
  try {
    const { mechanism, initial } = scram.start(offered);
    transport.send({ kind: "sasl", mechanism, data: initial });
    const proof = scram.continue(await expected(transport, "s"));
    transport.send({ kind: "sasl", mechanism: "", data: proof });
    // Who can not show that he knows the verifier is not the server.
    scram.finish(await expected(transport, "s"));
  } catch (cause) {
    if (!(cause instanceof ScramError)) throw cause;
    const message = `authentication failed. reason="${cause.message}"`;
    throw new PcpClientError("authentication", message, "ERROR", "", "", { cause });
  }
}

/** What an error before the end of the login is about. */
function kindOf(sqlState: string): PcpClientErrorKind {
  switch (sqlState) {
    case "53300": // The server is full, whoever it is that wants to log in.
      return "refused";
    case "08P01": // A port of clients takes the first message for a broken one of PostgreSQL's.
      return "protocol";
    default:
      return "authentication";
  }
}

/** The body of the next message, which has to be of that type. */
async function expected(transport: LoginTransport, type: string): Promise<Uint8Array> {
  for (;;) {
    const message = await transport.receive();
    if (message.type === type) return message.body;
    if (message.type === "E") {
      const { severity, sqlState, message: text, detail, hint } = decodeNotice(message.body);
      throw new PcpClientError(kindOf(sqlState), text, severity, detail, hint);
    }
    if (message.type !== "N") {
      throw new PcpClientError("protocol", `invalid PCP packet type ="${message.type}"`);
    }
  }
}
