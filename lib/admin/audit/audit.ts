import { checkCertificates } from "../../config/audit/certificates.ts";
import { checkCommands } from "../../config/audit/commands.ts";
import { checkDirectories } from "../../config/audit/files.ts";
import { fromProblem, sortFindings } from "../../config/audit/finding.ts";
import type { Finding } from "../../config/audit/finding.ts";
import { checkInactive } from "../../config/audit/inactive.ts";
import { checkLines } from "../../config/audit/lines.ts";
import { checkOldMode } from "../../config/audit/old-mode.ts";
import { checkPointless } from "../../config/audit/pointless.ts";
import { checkPool } from "../../config/audit/pool.ts";
import { checkServers } from "../../config/audit/servers.ts";
import { checkWatchdogSettings } from "../../config/audit/watchdog.ts";
import type { Problem } from "../../config/problems.ts";
import { examineConfig } from "../../config/load.ts";
import { checkConnections } from "./connections.ts";
import { checkHba } from "./hba.ts";
import { checkPasswords } from "./passwords.ts";

/** Absolute paths of the files to check. */
export interface AuditFiles {
  readonly config: string;
  readonly pcp: string;
  readonly hba: string;
  /** Value of -k. */
  readonly key: string | undefined;
}

/** How to check. */
export interface AuditOptions {
  /** Whether servers may be asked for their limits. */
  readonly connect: boolean;
  readonly now?: Date;
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/** Reads all files of a configuration and tells what is wrong with them, the worst first. */
export async function audit(
  files: AuditFiles,
  options: AuditOptions,
): Promise<readonly Finding[]> {
  const environment = options.environment ?? process.env;
  const { config, problems, assignments } = examineConfig(files.config, environment);
  const hba = checkHba(config, files.hba);
  const loaded = problems.map((problem) => fromProblem(problem, files.config));
  return sortFindings([
    ...loaded,
    ...checkLines(assignments),
    ...checkOldMode(config, assignments),
    ...checkServers(config).filter((each) => !isConsequence(each, problems)),
    ...checkPool(config),
    ...checkWatchdogSettings(config),
    ...checkInactive(config),
    ...checkPointless(config),
    ...checkCommands(config),
    ...checkDirectories(config),
    ...checkCertificates(config, options.now ?? new Date()),
    ...hba.findings,
    ...checkPasswords({
      config,
      keyOption: files.key,
      pcpPath: files.pcp,
      rules: hba.rules,
      environment,
    }),
    ...(options.connect ? await checkConnections(config, files.key) : []),
  ]);
}

/** Whether a server is only missing because a line about it is wrong, which is told already. */
function isConsequence({ code }: Finding, problems: readonly Problem[]): boolean {
  return ["no-backend", "unused-backend"].includes(code) &&
    problems.some((problem) => problem.code === "invalid-value" || problem.code === "syntax");
}
