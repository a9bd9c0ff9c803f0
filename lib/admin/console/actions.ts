import type { PcpScope, PcpStopMode } from "../../pcp/types.ts";
import type { Environment } from "./environment.ts";
import { SqlError } from "./errors.ts";
import type { AdminFunction, FunctionParameter } from "./function.ts";
import type { Value } from "./values.ts";

const NODE: FunctionParameter = { name: "node_id", type: "int4" };
const GRACEFULLY: FunctionParameter = { name: "gracefully", type: "bool", default: false };
const SWITCHOVER: FunctionParameter = { name: "switchover", type: "bool", default: false };
const SCOPE: FunctionParameter = { name: "scope", type: "text", default: "local" };

/** Functions that change something. Each gives true when it is done; what fails is an error. */
export const ACTIONS: readonly AdminFunction[] = [
  action("pcp_attach_node", [NODE], ({ service }, [node]) => service.attachNode(Number(node))),
  action(
    "pcp_detach_node",
    [NODE, GRACEFULLY],
    ({ service }, [node, gracefully]) => service.detachNode(Number(node), gracefully === true),
  ),
  action(
    "pcp_promote_node",
    [NODE, GRACEFULLY, SWITCHOVER],
    ({ service }, [node, gracefully, switchover]) =>
      service.promoteNode(Number(node), {
        gracefully: gracefully === true,
        switchover: switchover === true,
      }),
  ),
  action("pcp_recovery_node", [NODE], recoverNode),
  action(
    "pcp_reload_config",
    [SCOPE],
    ({ service }, [scope]) => service.reloadConfig(readScope(scope)),
  ),
  action("pcp_log_rotate", [SCOPE], ({ service }, [scope]) => service.rotateLog(readScope(scope))),
  action("pcp_invalidate_query_cache", [], ({ service }) => service.invalidateQueryCache()),
  action(
    "pcp_stop_pgpool",
    [{ name: "mode", type: "text" }, SCOPE],
    ({ service }, [mode, scope]) => service.stop(readMode(mode), readScope(scope)),
  ),
];

function action(
  name: string,
  parameters: readonly FunctionParameter[],
  act: (environment: Environment, args: readonly Value[]) => Promise<void>,
): AdminFunction {
  return {
    name,
    parameters,
    columns: { [name]: "bool" },
    isSet: false,
    isActing: true,
    call: async (args, environment) => {
      await act(environment, args);
      return [[true]];
    },
  };
}

function recoverNode({ service, notice }: Environment, [node]: readonly Value[]): Promise<void> {
  return service.recoverNode(Number(node), (message, detail = "") => notice(message, detail));
}

function readScope(value: Value | undefined): PcpScope {
  if (value === "local" || value === "cluster") return value;
  throw new SqlError("22023", `invalid scope "${value}"`, { hint: "It is local or cluster." });
}

function readMode(value: Value | undefined): PcpStopMode {
  if (value === "smart" || value === "fast" || value === "immediate") return value;
  throw new SqlError("22023", `invalid shutdown mode "${value}"`, {
    hint: "It is smart, fast or immediate.",
  });
}
