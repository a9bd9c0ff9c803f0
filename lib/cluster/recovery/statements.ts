import { isLocal } from "../socket.ts";
import type { RecoveryPlan } from "./plan.ts";

/** The call of a stage's script (behaviour.md 12). */
export function stageStatement(script: string, { target, source }: RecoveryPlan): string {
  const values = [
    literal(script),
    literal(hostOf(target)),
    literal(target.dataDirectory),
    literal(String(source.port)),
    String(target.id),
    literal(String(target.port)),
    literal(hostOf(source)),
  ];
  return `SELECT pgpool_recovery(${values.join(", ")})`;
}

/** The call that starts the recovered server. */
export function remoteStartStatement({ target }: RecoveryPlan): string {
  return `SELECT pgpool_remote_start(${literal(hostOf(target))}, ${literal(target.dataDirectory)})`;
}

/** A server on a Unix socket is on this host. */
function hostOf(node: { readonly hostname: string; readonly port: number }): string {
  return isLocal(node) ? "localhost" : node.hostname;
}

function literal(text: string): string {
  const quoted = `'${text.replaceAll("'", "''")}'`;
  return text.includes("\\") ? `E${quoted.replaceAll("\\", "\\\\")}` : quoted;
}
