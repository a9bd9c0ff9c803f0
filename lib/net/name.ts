import { lookup as systemLookup } from "node:dns/promises";
import { isIP } from "node:net";
import { NameError } from "./errors.ts";

export interface HostAddress {
  readonly address: string;
  readonly family: 4 | 6;
}

/**
 * The addresses of a host in the order of the system's resolver. An address is its own answer.
 *
 * @param timeoutMs longest time to wait; the resolver itself can not be interrupted.
 * @throws {NameError}
 */
export async function lookupHost(host: string, timeoutMs: number): Promise<HostAddress[]> {
  const bare = host.replace(/^\[(.*)\]$/, "$1");
  const literal = isIP(bare);
  if (literal === 4 || literal === 6) return [{ address: bare, family: literal }];
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new NameError("timeout", host, `host name "${host}" was not resolved in time`)),
    timeoutMs,
  );
  try {
    const found = await Promise.race([systemLookup(host, { all: true, verbatim: true }), late]);
    const addresses: HostAddress[] = [];
    for (const { address, family } of found) {
      const known = addresses.some((other) => other.address === address);
      if (!known && (family === 4 || family === 6)) addresses.push({ address, family });
    }
    if (addresses.length > 0) return addresses;
  } catch (cause) {
    if (cause instanceof NameError) throw cause;
    const reason = isUnknownName(cause) ? "not-found" : "failed";
    throw new NameError(reason, host, `could not translate host name "${host}" to address`, {
      cause,
    });
  } finally {
    clearTimeout(timer);
  }
  throw new NameError("not-found", host, `host name "${host}" has no address`);
}

function isUnknownName(error: unknown): boolean {
  return error instanceof Error && "code" in error &&
    (error.code === "ENOTFOUND" || error.code === "ENODATA" || error.code === "DNS_ENOTFOUND");
}
