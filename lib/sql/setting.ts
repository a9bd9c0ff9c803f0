import type { SettingClass, StatementClass } from "./statement-class.ts";
import { onlyOnPrimary, transactionModes } from "./transaction.ts";
import { asList, asText, constantText, type TreeNode, unwrap } from "./tree.ts";

/** Classifies SET and RESET in all their forms (parameters.md 4.2 rule 3). */
export function classifySetting(statement: TreeNode): Partial<StatementClass> {
  const name = asText(statement["name"]);
  const local = statement["is_local"] === true;
  switch (statement["kind"]) {
    case "VAR_RESET_ALL":
      return reset({ name: "all", local: false, isReset: true });
    case "VAR_RESET":
      return reset({ name: name.toLowerCase(), local: false, isReset: true });
    case "VAR_SET_DEFAULT":
    case "VAR_SET_CURRENT":
      return plain({ name: name.toLowerCase(), local, isReset: true });
    case "VAR_SET_MULTI":
      return modes(name, statement["args"]);
    default: {
      const value = asList(statement["args"]).map((each) => constantText(each) ?? "").join(", ");
      return plain({ name: name.toLowerCase(), local, isReset: false, value });
    }
  }
}

function reset(setting: SettingClass): Partial<StatementClass> {
  return { kind: "reset", route: "both", setting: Object.freeze(setting) };
}

function plain(given: SettingClass): Partial<StatementClass> {
  const setting = Object.freeze(given);
  const { name, value } = setting;
  if (name === "transaction_read_only") {
    // A default may be "read write", which a server in recovery refuses.
    const readOnly = value !== undefined && !isFalse(value);
    const transaction = Object.freeze({ readOnly, plainBegin: false });
    return { kind: "set", route: readOnly ? "both" : "primary", setting, transaction };
  }
  if (name === "transaction_isolation" || name === "default_transaction_isolation") {
    const isolation = value?.toLowerCase();
    if (isolation === undefined) return { kind: "set", route: "both", setting };
    const route = isolation === "serializable" ? "primary" : "both";
    // The default is not yet the isolation level of the transaction it is set in.
    if (name !== "transaction_isolation") return { kind: "set", route, setting };
    const transaction = Object.freeze({ isolation, plainBegin: false });
    return { kind: "set", route, setting, transaction };
  }
  // Tables created from now on may be temporary without saying so.
  const mayCreateTemp = name === "search_path" && value?.includes("pg_temp") === true;
  return { kind: "set", route: "both", setting, mayCreateTemp };
}

/** SET TRANSACTION, SET SESSION CHARACTERISTICS and SET TRANSACTION SNAPSHOT. */
function modes(form: string, list: unknown): Partial<StatementClass> {
  if (form === "TRANSACTION SNAPSHOT") {
    // A snapshot was exported by one server and means nothing to another.
    const setting = Object.freeze({ name: "transaction", local: true, isReset: false });
    return { kind: "set", route: "primary", setting };
  }
  const found = transactionModes(list);
  const route = onlyOnPrimary(found) ? "primary" : "both";
  if (form === "TRANSACTION") {
    const setting = Object.freeze({ name: "transaction", local: true, isReset: false });
    const transaction = Object.freeze({ ...found, plainBegin: false });
    return { kind: "set", route, setting, transaction };
  }
  const names = asList(list).map((item) => `default_${asText(unwrap(item).fields["defname"])}`);
  const setting = Object.freeze({ name: names.join(","), local: false, isReset: false });
  return { kind: "set", route, setting };
}

/** Whether PostgreSQL takes a text for false: 0, or a beginning of false, no or off. */
function isFalse(text: string): boolean {
  const value = text.toLowerCase();
  if (value === "") return false;
  if (value === "0" || "false".startsWith(value)) return true;
  return "no".startsWith(value) || (value.length > 1 && "off".startsWith(value));
}
