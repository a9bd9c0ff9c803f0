import { join, resolve } from "node:path";
import { systemClock } from "../cluster/clock.ts";
import { runCommand } from "../cluster/command-runner.ts";
import { runDelayCommand } from "../cluster/delay-command.ts";
import { downRequestFile } from "../cluster/down-requests.ts";
import type { LogEntry } from "../cluster/effects.ts";
import { createProbe, type Probe } from "../cluster/probe.ts";
import type { OnlineRecovery } from "../cluster/recovery/recovery.ts";
import { type ClusterService, createClusterService } from "../cluster/service.ts";
import { clusterSettings } from "../cluster/settings.ts";
import { statusFile } from "../cluster/status-file.ts";
import type { Config } from "../config/config.ts";
import type { Logger } from "../log/log.ts";
import type { Gate } from "./gate.ts";
import type { ConfigFiles } from "./messages.ts";
import { createRecovery } from "./recovery.ts";
import { ServerLogins } from "./server-logins.ts";
import { Switchovers } from "./switchover.ts";

/** The servers, and what they are asked with. */
export interface Cluster {
  readonly service: ClusterService;
  readonly probe: Probe;
  readonly recovery: OnlineRecovery;
  readonly switchovers: Switchovers;
  /** Looks at the servers; resolves as `ClusterService.start` does. */
  start(): Promise<void>;
  /** Takes a reloaded configuration over, and reads again what its files hold. */
  reload(config: Config): Promise<void>;
  /** Ends all that is done with the servers. */
  stop(): Promise<void>;
}

/**
 * Everything about the servers that the supervisor looks after; nothing is started yet.
 *
 * @param discardStatus `-D`: what the last run left of node states is thrown away.
 * @param gate holds clients back while servers change.
 */
export function createCluster(
  config: Config,
  files: ConfigFiles,
  discardStatus: boolean,
  logger: Logger,
  gate: Gate,
): Cluster {
  const logins = new ServerLogins(config, files, logger);
  const probe = createProbe(logins);
  const { directory, values } = config;
  const workDir = resolve(directory, values.work_dir);
  const tell = ({ process, severity, text, detail, hint }: LogEntry) =>
    logger.child(process ?? "main").log(severity, text, { detail, hint });
  const service = createClusterService({
    settings: clusterSettings(config),
    logger: tell,
    clock: systemClock,
    probe,
    runCommand,
    runDelayCommand,
    statusFile: statusFile(join(workDir, "pgpool_status"), discardStatus),
    downRequests: values.health_check_test
      ? downRequestFile(join(workDir, "backend_down_request"), tell)
      : null,
  });
  let present = config;
  const recovery = createRecovery({
    config: () => present,
    service,
    probe,
    logins,
    gate,
    clock: systemClock,
    log: tell,
  });
  const switchovers = new Switchovers({
    config: () => present,
    service,
    logins,
    gate,
    clock: systemClock,
    log: tell,
  });
  return {
    service,
    probe,
    recovery,
    switchovers,
    async start() {
      await logins.load(config);
      await service.start();
    },
    async reload(fresh) {
      present = fresh;
      await logins.load(fresh);
      service.reload(clusterSettings(fresh));
    },
    async stop() {
      recovery.stop();
      await service.stop();
    },
  };
}
