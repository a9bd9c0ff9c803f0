import { isIPv6 } from "node:net";
import { quoteValue } from "./grammar.ts";

/** A server as it is named on the command line. */
export interface InitialServer {
  readonly hostname: string;
  readonly port: number;
}

/** What a first configuration has to know. */
export interface InitialAnswers {
  readonly servers: readonly InitialServer[];
  /** `*`, or addresses separated by commas. */
  readonly listen: string;
  readonly port: number;
  /** Who asks the servers for their health and role. */
  readonly checkUser: string;
  /** File with the password of that user; undefined: it stands in pool_passwd. */
  readonly passwordFile: string | undefined;
  /** Clients served at once. */
  readonly clients: number;
  /** Directory of the pid file, of pgpool_status and of the socket. */
  readonly workDir: string;
}

/** An answer that cannot be used. */
export class InvalidAnswerError extends Error {
  override readonly name = "InvalidAnswerError";
}

/** What PostgreSQL leaves to ordinary users by default: max_connections less the reserved ones. */
const usualConnections = 97;

const defaultServerPort = 5432;

/** Reads `host`, `host:port`, `[address]:port` or a socket directory. Throws InvalidAnswerError. */
export function parseServer(text: string): InitialServer {
  const trimmed = text.trim();
  if (isIPv6(trimmed)) return { hostname: trimmed, port: defaultServerPort };
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([\w.-]+|\/[\w./-]+))(?::(\d{1,5}))?$/.exec(trimmed);
  if (!match) throw new InvalidAnswerError(`"${text}" is no server; write host:port`);
  const [, address, name = "", port = String(defaultServerPort)] = match;
  return { hostname: address ?? name, port: parsePort(port) };
}

/** Reads `*` or addresses separated by commas, without ports. Throws InvalidAnswerError. */
export function parseAddresses(text: string): string {
  const wrong = text.split(",").find((each) => /^[^:]+:\d+$/.test(each.trim()));
  if (wrong === undefined) return text;
  throw new InvalidAnswerError(`"${wrong.trim()}" is no address; the port is asked for by itself`);
}

/** Reads a port that pgpool takes for itself and its servers. Throws InvalidAnswerError. */
export function parsePort(text: string): number {
  const port = parseCount(text);
  if (port >= 1024 && port <= 65535) return port;
  throw new InvalidAnswerError(`"${text}" is no port; it is a number from 1024 to 65535`);
}

/** Reads a number of clients. Throws InvalidAnswerError. */
export function parseCount(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text.trim())) return Number(text);
  throw new InvalidAnswerError(`"${text}" is no number above 0`);
}

/** Writes the pgpool.conf of a primary and its standbys. Throws InvalidAnswerError. */
export function initialConfig(answers: InitialAnswers): string {
  const { servers, listen, port, checkUser, passwordFile, clients, workDir } = answers;
  const maxPool = Math.max(1, Math.floor(usualConnections / clients));
  return `# pgpool.conf; "pgpool config explain NAME" tells what a parameter does.

# === Servers; which of them is the primary is found out ===
backend_clustering_mode = 'streaming_replication'
${servers.map(serverLines).join("\n")}
# === Clients ===
listen_addresses = ${quoted(listen)}
port = ${port}
unix_socket_directories = ${quoted(workDir)}
enable_pool_hba = on
pool_passwd = 'pool_passwd'

# num_init_children * max_pool has to fit into max_connections of every server.
num_init_children = ${clients}
max_pool = ${maxPool}

# === Load balancing and replication ===
load_balance_mode = on
sr_check_period = 10
sr_check_user = ${quoted(checkUser)}
${passwordLine("sr_check_password", passwordFile)}
# === Health check ===
health_check_period = 10
health_check_timeout = 5
health_check_user = ${quoted(checkUser)}
${passwordLine("health_check_password", passwordFile)}
# === Files ===
pid_file_name = ${quoted(`${workDir}/pgpool.pid`)}
work_dir = ${quoted(workDir)}
`;
}

/** Writes a pool_hba.conf that asks everybody for a password. */
export function initialHba(listen: string): string {
  const local = listen === "localhost";
  const network = local ? "" : "host   all  all  all  scram-sha-256\n";
  const loopback = "host   all  all  127.0.0.1/32  scram-sha-256\nhost   all  all  ::1/128  " +
    "scram-sha-256\n";
  return `# TYPE DATABASE USER ADDRESS METHOD; the first line that fits counts.
local  all  all  scram-sha-256
${local ? loopback : network}`;
}

function serverLines({ hostname, port }: InitialServer, id: number): string {
  return `
backend_hostname${id} = ${quoted(hostname)}
backend_port${id} = ${port}
backend_weight${id} = 1
backend_application_name${id} = 'server${id}'
`.trimStart();
}

function passwordLine(name: string, file: string | undefined): string {
  if (file === undefined) return "# The password stands in pool_passwd.\n";
  return `${name} = ${quoted(`\${file:${file}}`)}\n`;
}

function quoted(text: string): string {
  // What would need escapes is a slip in all of these values.
  if (/['\\\n\r]/.test(text)) throw new InvalidAnswerError(`"${text}" has quotes or backslashes`);
  return quoteValue(text);
}
