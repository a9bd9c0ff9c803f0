import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connectPcp, PcpClientError, type PcpConnection } from "../../../lib/pcp/client.ts";
import type { Pgpool } from "../../support/pgpool.ts";
import { tempDir } from "../../support/temp.ts";

const USER = "admin";
const PASSWORD = "secret";

/** Text of a pcp.conf that lets {@link withPcp} in. */
export const PCP_CONF = `${USER}:${createHash("md5").update(PASSWORD).digest("hex")}\n`;

/** A file of passwords for commands that connect as `admin`. */
export function pcpPassFile(): string {
  const dir = tempDir();
  mkdirSync(dir, { recursive: true });
  const file = join(dir, "pcppass");
  writeFileSync(file, `*:*:${USER}:${PASSWORD}\n`, { mode: 0o600 });
  return file;
}

/** Asks a pool as an administrator does; `told` gets its notices. */
export async function withPcp<T>(
  pgpool: Pgpool,
  work: (pcp: PcpConnection) => Promise<T>,
  told: string[] = [],
): Promise<T> {
  const pcp = await connectPcp({
    host: pgpool.host,
    port: pgpool.pcpPort,
    user: USER,
    password: PASSWORD,
    requestTimeout: 90_000,
    onNotice: ({ message }) => told.push(message),
  });
  try {
    return await work(pcp);
  } finally {
    await pcp.close();
  }
}

/** What an administrator is told when a request is refused. */
export async function pcpFailure(
  pgpool: Pgpool,
  work: (pcp: PcpConnection) => Promise<unknown>,
): Promise<PcpClientError> {
  try {
    await withPcp(pgpool, work);
  } catch (error) {
    if (error instanceof PcpClientError) return error;
    throw error;
  }
  throw new Error("the request was not refused");
}
