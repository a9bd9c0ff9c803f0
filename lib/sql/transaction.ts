import type { StatementClass, TransactionClass } from "./statement-class.ts";
import { asList, asText, constantText, type TreeNode, unwrap } from "./tree.ts";

/** Options of BEGIN and SET TRANSACTION. */
export interface TransactionModes {
  readonly readOnly?: boolean;
  readonly isolation?: string;
}

/** Reads a list of transaction modes: isolation level, READ ONLY or WRITE; others are of no use. */
export function transactionModes(list: unknown): TransactionModes {
  const modes: { readOnly?: boolean; isolation?: string } = {};
  for (const item of asList(list)) {
    const { fields } = unwrap(item);
    const value = constantText(fields["arg"]) ?? "";
    if (fields["defname"] === "transaction_isolation") modes.isolation = value.toLowerCase();
    if (fields["defname"] === "transaction_read_only") modes.readOnly = value !== "0";
  }
  return modes;
}

/** Whether only the primary can do what the modes say (parameters.md 4.2 rules 3 and 4). */
export function onlyOnPrimary(modes: TransactionModes): boolean {
  return modes.readOnly === false || modes.isolation === "serializable";
}

/** Classifies BEGIN, COMMIT, SAVEPOINT and their kin. */
export function classifyTransaction(statement: TreeNode): Partial<StatementClass> {
  const savepoint = asText(statement["savepoint_name"]);
  const chain = statement["chain"] === true;
  switch (statement["kind"]) {
    case "TRANS_STMT_BEGIN":
    case "TRANS_STMT_START": {
      const modes = transactionModes(statement["options"]);
      const plainBegin = onlyOnPrimary(modes);
      return { kind: "begin", route: "both", transaction: frozen({ ...modes, plainBegin }) };
    }
    case "TRANS_STMT_COMMIT":
      return { kind: "commit", route: "both", transaction: frozen({ chain, plainBegin: false }) };
    case "TRANS_STMT_ROLLBACK":
      return { kind: "rollback", route: "both", transaction: frozen({ chain, plainBegin: false }) };
    case "TRANS_STMT_SAVEPOINT":
      return { kind: "savepoint", route: "both", transaction: named(savepoint) };
    case "TRANS_STMT_RELEASE":
      return { kind: "release", route: "both", transaction: named(savepoint) };
    case "TRANS_STMT_ROLLBACK_TO":
      return { kind: "rollback-to", route: "both", transaction: named(savepoint) };
    case "TRANS_STMT_PREPARE":
      return { kind: "prepare-transaction" };
    default:
      return { kind: "other" };
  }
}

function named(savepoint: string): TransactionClass {
  return frozen({ savepoint, plainBegin: false });
}

function frozen(transaction: TransactionClass): TransactionClass {
  return Object.freeze(transaction);
}
