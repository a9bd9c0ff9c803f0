import { type AddressRange, parseAddress, parseCidr, parseMasked } from "./hba-address.ts";
import { type HbaLine, type HbaToken, type ReadInclude, tokenizeHba } from "./hba-tokens.ts";

const TYPES = ["local", "host", "hostssl", "hostnossl", "hostgssenc", "hostnogssenc"] as const;
const METHODS = [
  "trust",
  "reject",
  "md5",
  "scram-sha-256",
  "cert",
  "password",
  "pam",
  "ldap",
] as const;

export type HbaType = (typeof TYPES)[number];
export type HbaMethod = (typeof METHODS)[number];

/** Which clients a host line is about. A name is lower case; one with a leading dot is a suffix. */
export type HbaAddress =
  | { readonly kind: "all" | "samehost" | "samenet" }
  | { readonly kind: "range"; readonly range: AddressRange }
  | { readonly kind: "name"; readonly name: string };

/** One line of pool_hba.conf. */
export interface HbaRule {
  readonly line: number;
  readonly type: HbaType;
  readonly databases: readonly HbaToken[];
  readonly users: readonly HbaToken[];
  /** Undefined for local lines only. */
  readonly address: HbaAddress | undefined;
  readonly method: HbaMethod;
  readonly options: ReadonlyMap<string, string>;
}

/**
 * Something wrong with a line. With an error the line is not among the rules and the file should
 * not be used; with a warning the line stays, but does less than its author may expect.
 */
export interface HbaProblem {
  readonly line: number;
  readonly severity: "error" | "warning";
  readonly message: string;
}

const PAM_OPTIONS = ["pamservice", "pam_use_hostname"];
const LDAP_OPTIONS = [
  "ldapserver",
  "ldapport",
  "ldapscheme",
  "ldaptls",
  "ldapprefix",
  "ldapsuffix",
  "ldapbasedn",
  "ldapbinddn",
  "ldapbindpasswd",
  "ldapsearchattribute",
  "ldapsearchfilter",
  "ldapurl",
  "backend_use_passwd",
];

/** Database keywords of PostgreSQL that pgpool cannot answer, having no catalog at hand. */
const UNSUPPORTED_DATABASES = ["samegroup", "samerole", "replication"];

/**
 * Reads pool_hba.conf (behaviour.md 3; PostgreSQL documentation, "The pg_hba.conf File").
 * @param readInclude gives the text of a file named with @, or throws
 * @param path where the text comes from; files named with @ are relative to it
 */
export function parseHba(
  text: string,
  readInclude: ReadInclude,
  path: string = "pool_hba.conf",
): { rules: HbaRule[]; problems: HbaProblem[] } {
  const rules: HbaRule[] = [];
  const problems: HbaProblem[] = [];
  for (const line of tokenizeHba(text, path, readInclude)) {
    try {
      if (line.error !== undefined) throw new LineError(line.error);
      const rule = parseLine(line);
      rules.push(rule);
      for (const message of warningsOf(rule)) {
        problems.push({ line: line.line, severity: "warning", message });
      }
    } catch (error) {
      if (!(error instanceof LineError)) throw error;
      problems.push({ line: line.line, severity: "error", message: error.message });
    }
  }
  return { rules, problems };
}

class LineError extends Error {}

/** Hands out the fields of a line one after the other. */
class FieldReader {
  #next = 0;

  constructor(readonly fields: HbaLine["fields"]) {}

  list(name: string): readonly HbaToken[] {
    const field = this.fields[this.#next++];
    if (field === undefined) throw new LineError(`end of line before ${name} specification`);
    return field;
  }

  single(name: string): HbaToken {
    const [token, second] = this.list(name);
    if (token === undefined || second !== undefined) {
      throw new LineError(`multiple values specified for ${name}; specify one per line`);
    }
    return token;
  }

  rest(): readonly HbaToken[] {
    return this.fields.slice(this.#next).flat();
  }
}

function parseLine({ line, fields }: HbaLine): HbaRule {
  const reader = new FieldReader(fields);
  const type = parseType(reader.single("connection type").text);
  const databases = withoutRegex(reader.list("database"));
  const users = withoutRegex(reader.list("role"));
  const address = type === "local" ? undefined : parseHostAddress(reader);
  const method = parseMethod(reader.single("authentication method").text);
  if (method === "cert" && type !== "hostssl") {
    throw new LineError("cert authentication is only supported on hostssl connections");
  }
  const options = parseOptions(reader.rest(), method);
  return { line, type, databases, users, address, method, options };
}

function parseType(text: string): HbaType {
  const type = TYPES.find((known) => known === text);
  if (type === undefined) throw new LineError(`invalid connection type "${text}"`);
  return type;
}

function parseMethod(text: string): HbaMethod {
  const method = METHODS.find((known) => known === text);
  if (method === undefined) throw new LineError(`invalid authentication method "${text}"`);
  return method;
}

function withoutRegex(tokens: readonly HbaToken[]): readonly HbaToken[] {
  const regex = tokens.find(({ text, quoted }) => !quoted && text.startsWith("/"));
  if (regex !== undefined) {
    throw new LineError(`regular expressions are not supported: "${regex.text}"`);
  }
  return tokens;
}

function parseHostAddress(reader: FieldReader): HbaAddress {
  const token = reader.single("IP address");
  const { text, quoted } = token;
  if (!quoted && (text === "all" || text === "samehost" || text === "samenet")) {
    return { kind: text };
  }
  const slash = text.indexOf("/");
  if (slash !== -1) return parseCidrAddress(text, slash);
  if (parseAddress(text) === undefined) return parseHostName(text);
  const mask = reader.single("netmask").text;
  if (parseAddress(mask) === undefined) {
    throw new LineError(`invalid IP mask "${mask}"; specify an address range in CIDR notation`);
  }
  const range = parseMasked(text, mask);
  if (range === undefined) throw new LineError("IP address and mask do not match");
  return { kind: "range", range };
}

function parseCidrAddress(text: string, slash: number): HbaAddress {
  const address = text.slice(0, slash);
  if (parseAddress(address) === undefined) {
    throw new LineError(`specifying both host name and CIDR mask is invalid: "${text}"`);
  }
  const range = parseCidr(address, text.slice(slash + 1));
  if (range === undefined) throw new LineError(`invalid CIDR mask in address "${text}"`);
  return { kind: "range", range };
}

function parseHostName(text: string): HbaAddress {
  if (!/^\.?[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(text) || /^[\d.]+$/.test(text)) {
    throw new LineError(`invalid IP address or host name "${text}"`);
  }
  return { kind: "name", name: text.toLowerCase() };
}

function parseOptions(tokens: readonly HbaToken[], method: HbaMethod): Map<string, string> {
  const allowed = method === "pam" ? PAM_OPTIONS : method === "ldap" ? LDAP_OPTIONS : [];
  const options = new Map<string, string>();
  for (const { text } of tokens) {
    const equals = text.indexOf("=");
    if (equals === -1) {
      throw new LineError(`authentication option not in name=value format: "${text}"`);
    }
    const name = text.slice(0, equals);
    if (!allowed.includes(name)) {
      throw new LineError(`authentication option "${name}" is not valid for method ${method}`);
    }
    options.set(name, text.slice(equals + 1));
  }
  return options;
}

function warningsOf(rule: HbaRule): string[] {
  const warnings: string[] = [];
  for (const { text, quoted } of rule.databases) {
    if (!quoted && UNSUPPORTED_DATABASES.includes(text)) {
      warnings.push(`database keyword "${text}" is not supported and matches nothing`);
    }
  }
  for (const { text, quoted } of rule.users) {
    if (!quoted && text.startsWith("+")) {
      warnings.push(`role membership "${text}" is not supported and matches nothing`);
    }
  }
  if (rule.type === "hostgssenc") {
    warnings.push("hostgssenc matches nothing because GSSAPI encryption is not supported");
  }
  if (rule.method === "pam" || rule.method === "ldap") {
    warnings.push(`method ${rule.method} is not available yet: clients of this line are refused`);
  }
  return warnings;
}
