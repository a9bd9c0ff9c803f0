import { nearestName } from "../../config/names.ts";
import { showParameter, UnknownVariableError } from "../../config/show.ts";
import { parse } from "../../sql/parser.ts";
import { parsePgpoolCommand } from "../../sql/pgpool-commands.ts";
import { Tokenizer } from "../../sql/pgpool-tokens.ts";
import { asText, type TreeNode, unwrap } from "../../sql/tree.ts";
import { isAdminView } from "../views.ts";
import type { Environment } from "./environment.ts";
import { notSupported, SqlError } from "./errors.ts";
import type { ParameterTypes } from "./parameters.ts";
import { type Plan, sessionPlan } from "./plan.ts";
import { planAll, planSelect } from "./select.ts";
import { planSetting, planTransaction } from "./session-statements.ts";
import { viewSource } from "./source.ts";
import type { Column } from "./values.ts";

/**
 * Reads the statements of a text.
 *
 * @throws {SqlError}
 */
export function readStatements(
  text: string,
  environment: Environment,
  parameters: ParameterTypes,
): Plan[] {
  // SHOW POOL_ is part of PostgreSQL's own grammar; PGPOOL is not.
  if (new Tokenizer(text).word() === "pgpool") return [planPgpool(text, environment)];
  const outcome = parse(text);
  if (outcome.ok) {
    return outcome.tree.statements.map((each) => planStatement(each, environment, parameters));
  }
  const { message, cursorPosition } = outcome.error;
  if (outcome.transient) throw new SqlError("57P03", message, { hint: "Try again." });
  throw new SqlError("42601", message, { position: cursorPosition + 1 });
}

function planStatement(
  statement: TreeNode,
  environment: Environment,
  parameters: ParameterTypes,
): Plan {
  const { type, fields } = unwrap(statement);
  switch (type) {
    case "SelectStmt":
      return planSelect(fields, environment, parameters);
    case "VariableShowStmt":
      return planShow(asText(fields["name"]), environment);
    case "VariableSetStmt":
      return planSetting(fields, environment);
    case "TransactionStmt":
      return planTransaction(asText(fields["kind"]));
    case "DiscardStmt":
      return planDiscard(asText(fields["target"]), environment);
    case "DeallocateStmt": {
      const name = asText(fields["name"]);
      if (name !== "") {
        return sessionPlan(() => ({ tag: "DEALLOCATE", forget: { statement: name } }));
      }
      return sessionPlan(() => ({ tag: "DEALLOCATE ALL", forget: "all-statements" }));
    }
    case "ClosePortalStmt":
      if (asText(fields["portalname"]) !== "") throw notSupported("a cursor");
      return sessionPlan(() => ({ tag: "CLOSE CURSOR ALL" }));
    case "UnlistenStmt":
      return sessionPlan(() => ({ tag: "UNLISTEN" }));
    default:
      throw notSupported("this statement");
  }
}

function planShow(name: string, environment: Environment): Plan {
  if (isAdminView(name)) return planAll(viewSource(name, environment));
  const { settings } = environment;
  if (name === "all") {
    const rows = () => settings.all().map(([name, value]) => [name, value, ""]);
    return shown(["name", "setting", "description"].map(textColumn), rows);
  }
  const found = settings.get(name);
  return shown([textColumn(found.name)], () => [[settings.get(name).value]]);
}

/** PGPOOL SHOW; the other commands concern the session of a client of the pool. */
function planPgpool(text: string, { config }: Environment): Plan {
  const command = parsePgpoolCommand(text);
  if (command === undefined) {
    throw new SqlError("42601", "syntax error in a PGPOOL command", {
      hint: "There are PGPOOL SHOW ALL, PGPOOL SHOW with a parameter and PGPOOL SHOW with a group.",
    });
  }
  if (/;\s*\S/.test(text)) throw notSupported("PGPOOL SHOW together with other statements");
  if (command.kind !== "show") {
    const hint = "It changes the session of a client: connect to pgpool's own port.";
    throw notSupported(command.kind.startsWith("reset") ? "PGPOOL RESET" : "PGPOOL SET", hint);
  }
  try {
    // The names of the columns depend on what is asked for.
    const { columns } = showParameter(config(), command.name);
    const rows = () => showParameter(config(), command.name).rows;
    return shown(columns.map(textColumn), rows, "SELECT");
  } catch (error) {
    if (!(error instanceof UnknownVariableError)) throw error;
    const near = nearestName(command.name);
    const hint = near === undefined ? {} : { hint: `Perhaps you meant "${near}".` };
    throw new SqlError("42704", error.message, hint);
  }
}

function shown(
  columns: readonly Column[],
  rows: () => readonly (readonly string[])[],
  tag?: string,
): Plan {
  const run = async () => {
    const found = rows();
    return { rows: found, tag: tag === undefined ? "SHOW" : `${tag} ${found.length}` };
  };
  return { columns, isActing: false, endsTransaction: false, run };
}

function textColumn(name: string): Column {
  return { name, type: "text" };
}

function planDiscard(target: string, { settings }: Environment): Plan {
  const tag = target.replace("_", " ");
  if (target !== "DISCARD_ALL") return sessionPlan(() => ({ tag }));
  return sessionPlan(() => ({ tag, changed: settings.resetAll(), forget: "all-statements" }));
}
