import type { StatementClass } from "./statement-class.ts";

/** Classes of statements whose type alone decides them, by the type of their node. */
export const BY_TYPE: ReadonlyMap<string, Partial<StatementClass>> = new Map<
  string,
  Partial<StatementClass>
>([
  ["MergeStmt", { kind: "merge", statisticsKind: "ddl" }],
  ["VariableShowStmt", { kind: "show", route: "either", isRead: true }],
  ["DiscardStmt", { kind: "discard", route: "both" }],
  ["ListenStmt", { kind: "listen" }],
  ["NotifyStmt", { kind: "notify" }],
  ["UnlistenStmt", { kind: "unlisten" }],
  ["VacuumStmt", { kind: "vacuum" }],
  ["CallStmt", { kind: "call", mayCreateTemp: true, statisticsKind: "ddl" }],
  ["DoStmt", { kind: "do", mayCreateTemp: true, statisticsKind: "ddl" }],
  ["CheckPointStmt", { kind: "other" }],
  ["LoadStmt", { kind: "other" }],
  ["ConstraintsSetStmt", { kind: "other", statisticsKind: "ddl" }],
]);
