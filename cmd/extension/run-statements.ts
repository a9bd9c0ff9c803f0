import postgres from "postgres";
import { EXIT } from "../exit-status.ts";
import { CommandFailure } from "../output.ts";

/** Longest time for connecting, in seconds. */
const CONNECT_SECONDS = 10;
/** Longest time for the statements, in milliseconds. */
const STATEMENT_MS = 60_000;

/**
 * Runs statements in the database of a URL, all or none.
 *
 * @param what is being installed, for error messages.
 * @throws {CommandFailure}
 */
export async function runStatements(url: string, statements: string, what: string): Promise<void> {
  const sql = postgres(checkUrl(url), {
    max: 1,
    connect_timeout: CONNECT_SECONDS,
    fetch_types: false,
    onnotice: () => {},
    connection: { application_name: "pgpool extension", statement_timeout: STATEMENT_MS },
  });
  try {
    await sql.unsafe(statements).simple();
  } catch (error) {
    throw explain(error, what);
  } finally {
    await sql.end({ timeout: 5 });
  }
}

function checkUrl(url: string): string {
  if (/^postgres(?:ql)?:\/\//.test(url) && URL.canParse(url)) return url;
  const hint = "It looks like postgres://user@host:5432/database.";
  throw new CommandFailure("usage", "--connect takes the URL of a database", hint, EXIT.usage);
}

function explain(error: unknown, what: string): CommandFailure {
  if (error instanceof postgres.PostgresError) {
    const message = `the server refuses to install ${what}: ${error.message}`;
    return new CommandFailure("refused", message, error.hint ?? "", EXIT.failed, { cause: error });
  }
  const message = error instanceof Error ? error.message : String(error);
  const hint = "Check host, port and whether the server runs.";
  return new CommandFailure("cannot-connect", `could not connect: ${message}`, hint, EXIT.failed, {
    cause: error,
  });
}
