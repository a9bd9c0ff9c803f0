import {
  type BackendSettings,
  type ClusteringMode,
  clusterSettings,
  type ConfigForCluster,
} from "../settings.ts";

/** What online recovery needs of the configuration. */
export interface RecoverySettings {
  readonly mode: ClusteringMode;
  readonly backends: readonly BackendSettings[];
  readonly user: string;
  readonly database: string;
  /** Empty when there is nothing to run. */
  readonly firstStage: string;
  readonly secondStage: string;
  /** Seconds for clients to leave, and again for the server to start. */
  readonly timeout: number;
  /** Seconds that a script may take, 0 without a limit. */
  readonly scriptTimeout: number;
}

/** The part of a loaded configuration that `recoverySettings` reads. */
export interface ConfigForRecovery extends ConfigForCluster {
  readonly values: ConfigForCluster["values"] & {
    readonly recovery_user: string;
    readonly recovery_database: string;
    readonly recovery_1st_stage_command: string;
    readonly recovery_2nd_stage_command: string;
    readonly recovery_timeout: number;
    readonly recovery_command_timeout: number;
  };
}

/** Takes what online recovery needs out of a loaded configuration. */
export function recoverySettings(config: ConfigForRecovery): RecoverySettings {
  const { mode, backends } = clusterSettings(config);
  const { values } = config;
  return {
    mode,
    backends,
    user: values.recovery_user,
    database: values.recovery_database || "postgres",
    firstStage: values.recovery_1st_stage_command,
    secondStage: values.recovery_2nd_stage_command,
    timeout: values.recovery_timeout,
    scriptTimeout: values.recovery_command_timeout,
  };
}
