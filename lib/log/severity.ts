/**
 * Levels of a message, weakest first, in the order of the server log. LOG stands between ERROR
 * and FATAL there: an operator who asks for warnings gets LOG lines too (behaviour.md 15).
 */
const severities = [
  "debug5",
  "debug4",
  "debug3",
  "debug2",
  "debug1",
  "info",
  "notice",
  "warning",
  "error",
  "log",
  "fatal",
  "panic",
] as const;

/** One of the levels a message can have. */
export type Severity = (typeof severities)[number];

const serverRanks = new Map<Severity, number>(severities.map((name, rank) => [name, rank]));

const clientOrder: readonly Severity[] = [
  "debug5",
  "debug4",
  "debug3",
  "debug2",
  "debug1",
  "log",
  "info",
  "notice",
  "warning",
  "error",
  "fatal",
  "panic",
];

/** Position of a severity in the server log's order, 0 for the weakest. */
export function severityRank(severity: Severity): number {
  return serverRanks.get(severity) ?? 0;
}

/**
 * Whether a message may be sent to a client whose client_min_messages is `minimum`. Towards
 * clients LOG stands just above the debug levels.
 */
export function reachesClient(severity: Severity, minimum: Severity): boolean {
  return clientOrder.indexOf(severity) >= clientOrder.indexOf(minimum);
}

/** The SQLSTATE of a message that has none of its own, as PostgreSQL gives it. */
export function defaultCode(severity: Severity): string {
  if (severity === "warning") return "01000";
  return severity === "error" || severity === "fatal" || severity === "panic" ? "XX000" : "00000";
}

/** The word written in front of a message: `LOG`, `WARNING`, `DEBUG1`. */
export function severityLabel(severity: Severity): string {
  return severity.toUpperCase();
}
