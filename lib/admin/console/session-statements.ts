import { asList, asText, constantText, type TreeNode, unwrap } from "../../sql/tree.ts";
import type { Environment } from "./environment.ts";
import { notSupported } from "./errors.ts";
import { type Outcome, type Plan, sessionPlan } from "./plan.ts";

/**
 * SET and RESET in all their forms. What they set stays set when a transaction is rolled back.
 *
 * @throws {SqlError}
 */
export function planSetting(statement: TreeNode, { settings }: Environment): Plan {
  const name = asText(statement["name"]);
  const args = asList(statement["args"]);
  switch (statement["kind"]) {
    case "VAR_RESET_ALL":
      return sessionPlan(() => ({ tag: "RESET", changed: settings.resetAll() }));
    case "VAR_RESET":
      return sessionPlan(() => ({ tag: "RESET", changed: settings.set(name, undefined) }));
    case "VAR_SET_DEFAULT":
      return sessionPlan(() => ({ tag: "SET", changed: settings.set(name, undefined) }));
    case "VAR_SET_MULTI":
      return planModes(name, args);
    case "VAR_SET_VALUE": {
      const value = args.map((each) => constantText(each) ?? "").join(", ");
      return sessionPlan(() => ({ tag: "SET", changed: settings.set(name, value) }));
    }
    default:
      throw notSupported("this form of SET");
  }
}

/** Isolation and access mode of transactions make no difference where nothing is transactional. */
function planModes(form: string, args: readonly unknown[]): Plan {
  if (form !== "TRANSACTION" && form !== "SESSION CHARACTERISTICS") {
    throw notSupported(`SET ${form}`);
  }
  const names = args.map((each) => asText(unwrap(each).fields["defname"]));
  if (names.includes("transaction_snapshot")) throw notSupported("a snapshot");
  return sessionPlan(() => ({ tag: "SET" }));
}

const TRANSACTIONS: Readonly<Record<string, Omit<Outcome, "rows">>> = {
  TRANS_STMT_BEGIN: { tag: "BEGIN", transaction: "begin" },
  TRANS_STMT_START: { tag: "START TRANSACTION", transaction: "begin" },
  TRANS_STMT_COMMIT: { tag: "COMMIT", transaction: "end" },
  TRANS_STMT_ROLLBACK: { tag: "ROLLBACK", transaction: "end" },
};

/** BEGIN, COMMIT and ROLLBACK, which drivers send; nothing that was done is undone. */
export function planTransaction(kind: string): Plan {
  const outcome = TRANSACTIONS[kind];
  if (outcome === undefined) throw notSupported("a savepoint or a prepared transaction");
  const plan = sessionPlan(() => outcome);
  return { ...plan, endsTransaction: outcome.transaction === "end" };
}
