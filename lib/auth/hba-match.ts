import type { AuthFailure } from "./errors.ts";
import { AuthSqlState } from "./errors.ts";
import {
  type AddressBytes,
  type AddressRange,
  inRange,
  parseAddress,
  parseMasked,
  sameAddress,
} from "./hba-address.ts";
import type { HbaAddress, HbaRule } from "./hba-parse.ts";
import type { HbaToken } from "./hba-tokens.ts";

/** An address of this machine, as os.networkInterfaces() lists them. */
export interface LocalAddress {
  readonly address: string;
  readonly netmask: string;
}

/** A client that asks to be let in. */
export interface HbaConnection {
  readonly type: "local" | "host";
  readonly tls: boolean;
  /** Numeric address of the client; only for type host. */
  readonly address?: string | undefined;
  /**
   * The client's name by reverse lookup, confirmed by a forward lookup that gives its address;
   * null when it has none; undefined as long as nobody has looked.
   */
  readonly hostName?: string | null | undefined;
  readonly database: string;
  readonly user: string;
  /** Needed for samehost and samenet lines. */
  readonly localAddresses?: readonly LocalAddress[] | undefined;
}

/** What the rules say; with `needs-name` they can say it only when `hostName` is known. */
export type HbaMatch =
  | { readonly kind: "rule"; readonly rule: HbaRule }
  | { readonly kind: "none" }
  | { readonly kind: "needs-name" };

/** Finds the first rule that fits the connection; pure, so ask again once a name is resolved. */
export function matchHba(rules: readonly HbaRule[], connection: HbaConnection): HbaMatch {
  const address = connection.address === undefined ? undefined : parseAddress(connection.address);
  for (const rule of rules) {
    if (!typeFits(rule, connection)) continue;
    if (!databaseFits(rule.databases, connection)) continue;
    if (!userFits(rule.users, connection.user)) continue;
    const verdict = addressFits(rule.address, address, connection);
    if (verdict === "needs-name") return { kind: "needs-name" };
    if (verdict) return { kind: "rule", rule };
  }
  return { kind: "none" };
}

/** The error for a client that no rule, or a reject rule, fits (behaviour.md 3). */
export function hbaRejection(connection: HbaConnection): AuthFailure {
  const host = connection.type === "local" ? "[local]" : connection.address ?? "[unknown]";
  return {
    sqlstate: AuthSqlState.InvalidAuthorization,
    message: "client authentication failed",
    detail: `no pool_hba.conf entry for host "${host}", user "${connection.user}", ` +
      `database "${connection.database}", SSL ${connection.tls ? "on" : "off"}`,
    hint: "see pgpool log for details",
  };
}

function typeFits({ type }: HbaRule, connection: HbaConnection): boolean {
  switch (type) {
    case "local":
      return connection.type === "local";
    case "host":
    case "hostnogssenc":
      return connection.type === "host";
    case "hostssl":
      return connection.type === "host" && connection.tls;
    case "hostnossl":
      return connection.type === "host" && !connection.tls;
    case "hostgssenc":
      return false;
  }
}

function databaseFits(tokens: readonly HbaToken[], { database, user }: HbaConnection): boolean {
  return tokens.some(({ text, quoted }) => {
    if (quoted) return text === database;
    switch (text) {
      case "all":
        return true;
      case "sameuser":
        return database === user;
      case "samegroup":
      case "samerole":
      case "replication":
        return false;
      default:
        return text === database;
    }
  });
}

function userFits(tokens: readonly HbaToken[], user: string): boolean {
  return tokens.some(({ text, quoted }) => {
    if (quoted) return text === user;
    return text === "all" || (!text.startsWith("+") && text === user);
  });
}

function addressFits(
  wanted: HbaAddress | undefined,
  address: AddressBytes | undefined,
  connection: HbaConnection,
): boolean | "needs-name" {
  if (wanted === undefined || wanted.kind === "all") return true;
  if (address === undefined) return false;
  switch (wanted.kind) {
    case "range":
      return inRange(address, wanted.range);
    case "samehost":
      return localRanges(connection).some(({ network }) => sameAddress(network, address));
    case "samenet":
      return localRanges(connection).some((range) => inRange(address, range));
    case "name":
      if (connection.hostName === undefined) return "needs-name";
      return connection.hostName !== null && nameFits(wanted.name, connection.hostName);
  }
}

function nameFits(wanted: string, hostName: string): boolean {
  const name = hostName.toLowerCase();
  return wanted.startsWith(".") ? name.endsWith(wanted) : name === wanted;
}

function localRanges({ localAddresses = [] }: HbaConnection): AddressRange[] {
  return localAddresses.flatMap(({ address, netmask }) => {
    const range = parseMasked(address, netmask);
    return range === undefined ? [] : [range];
  });
}
