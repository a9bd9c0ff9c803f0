import { audit } from "../../lib/admin/audit/audit.ts";
import type { Finding, Severity } from "../../lib/config/audit/finding.ts";
import type { ConfigFiles } from "../../lib/process/messages.ts";
import { EXIT } from "../exit-status.ts";
import type { ExitStatus } from "../exit-status.ts";
import { paint, printJson } from "../output.ts";
import { requireFile } from "./read.ts";

/** Prints what is wrong with a configuration; the status follows from the worst finding. */
export async function check(
  files: ConfigFiles,
  options: { readonly connect: boolean; readonly json: boolean },
): Promise<ExitStatus> {
  requireFile(files.config);
  const findings = await audit(files, options);
  if (options.json) printJson(findings);
  else process.stdout.write(findings.map(format).join("") + summary(findings));
  return statusOf(findings);
}

/** Nothing worse than notes is success. */
function statusOf(findings: readonly Finding[]): ExitStatus {
  if (count(findings, "error") > 0) return EXIT.fatal;
  return count(findings, "warning") > 0 ? EXIT.failed : EXIT.ok;
}

const colours = { error: "red", warning: "yellow", note: "dim" } as const;

function format({ severity, file, line, message, hint }: Finding): string {
  const place = line > 0 ? `${file}:${line}` : file;
  const what = `${place}: ${paint(colours[severity], severity)}: ${message}\n`;
  return hint === "" ? what : `${what}    ${hint}\n`;
}

function summary(findings: readonly Finding[]): string {
  const counts = (["error", "warning", "note"] as const).map((severity) => {
    const number = count(findings, severity);
    return `${number} ${severity}${number === 1 ? "" : "s"}`;
  });
  return `${counts.join(", ")}\n`;
}

function count(findings: readonly Finding[], severity: Severity): number {
  return findings.filter((each) => each.severity === severity).length;
}
