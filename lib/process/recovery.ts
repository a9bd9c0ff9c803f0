import type { Clock } from "../cluster/clock.ts";
import type { LogEntry } from "../cluster/effects.ts";
import type { Probe } from "../cluster/probe.ts";
import { RecoveryError } from "../cluster/recovery/error.ts";
import { OnlineRecovery } from "../cluster/recovery/recovery.ts";
import { openRecoverySession } from "../cluster/recovery/session.ts";
import { recoverySettings } from "../cluster/recovery/settings.ts";
import type { ClusterService } from "../cluster/service.ts";
import type { Config } from "../config/config.ts";
import { type Gate, GateBusyError } from "./gate.ts";
import type { ServerLogins } from "./server-logins.ts";
import { ClientsStayError, withoutClients } from "./without-clients.ts";

/** What a recovery works with in the supervisor. */
export interface RecoveryParts {
  readonly config: () => Config;
  readonly service: ClusterService;
  readonly probe: Probe;
  readonly logins: ServerLogins;
  readonly gate: Gate;
  readonly clock: Clock;
  readonly log: (entry: LogEntry) => void;
}

/** Online recovery with the supervisor's servers and logins. */
export function createRecovery(parts: RecoveryParts): OnlineRecovery {
  const { config, service, probe, logins, gate, clock, log } = parts;
  return new OnlineRecovery({
    settings: () => recoverySettings(config()),
    snapshot: () => service.snapshot(),
    onSnapshot: (listener) => service.onSnapshot(listener),
    open: (source, onNotice) => openRecoverySession(source, logins.recovery(), onNotice),
    ping: (node, deadline) => probe.ping(node, deadline),
    attach: (node) => service.attach(node),
    holdClients: (deadline) => holdClients(gate, deadline),
    clock,
    log,
  });
}

async function holdClients(gate: Gate, deadline: number): Promise<() => void> {
  try {
    const held = await withoutClients(gate, deadline);
    return () => held[Symbol.dispose]();
  } catch (error) {
    if (!(error instanceof ClientsStayError) && !(error instanceof GateBusyError)) throw error;
    throw new RecoveryError(`node recovery failed, ${error.message}`, {
      hint: "client_idle_limit_in_recovery ends sessions that do nothing.",
      cause: error,
    });
  }
}
