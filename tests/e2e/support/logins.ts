import { SUPERUSER } from "../../support/postgres.ts";
import {
  type LoginOptions,
  LoginRefused,
  RawClient,
  type RawConnectOptions,
} from "../../support/raw-client.ts";
import { errorFields } from "../../support/transcript.ts";

/** A login that a test tries; the database is `postgres` unless told otherwise. */
export type Attempt = RawConnectOptions & Partial<LoginOptions>;

function complete(attempt: Attempt): RawConnectOptions & LoginOptions {
  return { user: SUPERUSER, database: "postgres", ...attempt };
}

/** Logs in. */
export async function logInBy(attempt: Attempt): Promise<RawClient> {
  return await RawClient.login(complete(attempt));
}

/** Logs in and leaves again; throws when the client is not let in. */
export async function letIn(attempt: Attempt): Promise<void> {
  using client = await logInBy(attempt);
  client.send(TERMINATE);
  await client.readToEnd();
}

/** The fields of the error that a login is refused with; throws when the client is let in. */
export async function refusal(attempt: Attempt): Promise<Record<string, string>> {
  using client = await RawClient.connect(attempt);
  try {
    await client.login(complete(attempt));
  } catch (error) {
    if (!(error instanceof LoginRefused)) throw error;
    const message = client.received.findLast(({ type }) => type === "E");
    if (message === undefined) throw error;
    return errorFields(message);
  }
  throw new Error(`${attempt.user ?? SUPERUSER} was let in`);
}

/** The requests for passwords that a client was made before it was let in or refused. */
export function asked(client: RawClient): string[] {
  return client.received.filter(({ type }) => type === "R").map(({ body }) =>
    REQUESTS[body.readInt32BE(0)] ?? "other"
  ).filter((name) => name !== "ok");
}

/** Logs in, and gives how the client was asked for its password, `[]` for not at all. */
export async function requestsOf(attempt: Attempt): Promise<string[]> {
  using client = await logInBy(attempt);
  client.send(TERMINATE);
  await client.readToEnd();
  return asked(client);
}

const TERMINATE = Buffer.from([0x58, 0, 0, 0, 4]);

const REQUESTS: Readonly<Record<number, string>> = {
  0: "ok",
  3: "password",
  5: "md5",
  10: "sasl",
  11: "sasl-continue",
  12: "sasl-final",
};
