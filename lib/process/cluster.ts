import { resolve } from "node:path";
import { systemClock } from "../cluster/clock.ts";
import { createProbe, type Probe } from "../cluster/probe.ts";
import { type ClusterService, createClusterService } from "../cluster/service.ts";
import { clusterSettings } from "../cluster/settings.ts";
import { statusFile } from "../cluster/status-file.ts";
import type { Config } from "../config/config.ts";
import type { Logger } from "../log/log.ts";
import { probeLogin } from "./admin-context.ts";
import type { ConfigFiles } from "./messages.ts";

/** The servers, and what they are asked with. */
export interface Cluster {
  readonly service: ClusterService;
  readonly probe: Probe;
}

/**
 * Everything about the servers that the supervisor looks after; nothing is started yet.
 *
 * @param config asked each time, so that a reload takes effect.
 * @param discardStatus `-D`: what the last run left of node states is thrown away.
 */
export function createCluster(
  config: () => Config,
  files: ConfigFiles,
  discardStatus: boolean,
  logger: Logger,
): Cluster {
  const probe = createProbe(() => probeLogin(config(), files, logger));
  const { directory, values } = config();
  const service = createClusterService({
    settings: clusterSettings(config()),
    logger: ({ severity, text, detail, hint }) => logger.log(severity, text, { detail, hint }),
    clock: systemClock,
    probe,
    statusFile: statusFile(resolve(directory, values.work_dir, "pgpool_status"), discardStatus),
  });
  return { service, probe };
}
