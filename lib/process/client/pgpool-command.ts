import { InvalidValueError } from "../../config/problems.ts";
import type { SessionOverlay } from "../../config/session.ts";
import { showParameter, UnknownVariableError } from "../../config/show.ts";
import type { CommandResult, ErrorFields } from "../../session/port.ts";
import type { PgpoolCommand } from "../../sql/pgpool-commands.ts";
import { ProcessError } from "../errors.ts";
import type { AdminSession, AdminTable } from "../messages.ts";

/** What a command of pgpool's own is carried out with. */
export interface CommandContext {
  /** Parameters of the session that asks. */
  readonly overlay: SessionOverlay;
  readonly session: AdminSession;
  readonly askAdmin: (view: string, session: AdminSession) => Promise<AdminTable>;
}

/**
 * Carries out a command that pgpool itself answers (reference sql-interface.md 1 to 9). Errors are
 * part of the result.
 */
export async function runPgpoolCommand(
  command: PgpoolCommand,
  context: CommandContext,
): Promise<CommandResult> {
  try {
    return await run(command, context);
  } catch (error) {
    const fields = errorFields(error);
    if (fields === undefined) throw error;
    return { error: fields };
  }
}

async function run(command: PgpoolCommand, context: CommandContext): Promise<CommandResult> {
  const { overlay } = context;
  switch (command.kind) {
    case "show-pool":
      return shown(await context.askAdmin(command.view, context.session));
    case "show":
      return shown(showParameter(overlay.config, command.name));
    case "set":
      overlay.set(command.name, command.value);
      return { tag: "SET" };
    case "reset":
      overlay.reset(command.name);
      return { tag: "SET" };
    case "reset-all":
      overlay.resetAll();
      return { tag: "RESET" };
    case "cache-delete":
      return { tag: "SET", notices: [notCached(command.query)] };
  }
}

function shown(table: AdminTable): CommandResult {
  return { tag: `SELECT ${table.rows.length}`, table };
}

/** There is no query cache yet, so no query is in it. */
function notCached(query: string): ErrorFields {
  return {
    severity: "NOTICE",
    sqlstate: "00000",
    message: `query cache does not exist for query: "${query}"`,
  };
}

function errorFields(error: unknown): ErrorFields | undefined {
  if (error instanceof UnknownVariableError || error instanceof ProcessError) {
    return { severity: "ERROR", sqlstate: "XX000", message: error.message };
  }
  if (!(error instanceof InvalidValueError)) return undefined;
  return {
    severity: "ERROR",
    sqlstate: "22023",
    message: error.message,
    ...(error.detail === undefined ? {} : { detail: error.detail }),
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  };
}
