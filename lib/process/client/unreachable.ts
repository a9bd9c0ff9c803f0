import type { ServerUnreachable } from "../../pool/errors.ts";
import type { ErrorFields } from "../../wire/build.ts";

/**
 * What a client is told whose server can not be reached, in the words of behaviour.md 2.8.
 *
 * @param isFailover failover_on_backend_error.
 */
export function unreachableFields(error: ServerUnreachable, isFailover: boolean): ErrorFields {
  const what = isFailover
    ? "executing failover on backend"
    : "not executing failover because failover_on_backend_error is off";
  return {
    severity: "FATAL",
    sqlstate: "08006",
    message: isFailover
      ? "failed to create a backend connection"
      : `failed to create a backend ${error.node} connection`,
    detail: `${what}\n${error.message}`,
  };
}
