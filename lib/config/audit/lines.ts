import { statSync } from "node:fs";
import { resolveName } from "../names.ts";
import type { PlacedAssignment } from "../files.ts";
import type { Finding } from "./finding.ts";

/** Finds what is set twice, passwords that others may read, and files that everybody may change. */
export function checkLines(assignments: readonly PlacedAssignment[]): Finding[] {
  const findings = [...new Set(assignments.map(({ file }) => file))].flatMap(checkWritable);
  const seen = new Map<string, PlacedAssignment>();
  const exposed = new Set<string>();
  for (const at of assignments) {
    const resolved = resolveName(at.name);
    if (resolved.kind !== "parameter") continue;
    const { parameter } = resolved;
    const before = seen.get(at.name);
    seen.set(at.name, at);
    if (before && !(parameter.type === "string-list" && parameter.accumulates)) {
      findings.push({
        severity: "warning",
        code: "set-twice",
        file: at.file,
        line: at.line,
        message: `${at.name} has been set already, in ${before.file}:${before.line}`,
        hint: "The last line counts; remove the other.",
      });
    }
    if (!parameter.secret || at.value === "" || isIndirect(at.value) || exposed.has(at.file)) {
      continue;
    }
    if (!mayOthers(at.file, 0o004)) continue;
    exposed.add(at.file);
    findings.push({
      severity: "warning",
      code: "password-exposed",
      file: at.file,
      line: at.line,
      message: `${at.name} stands in a file that others may read`,
      hint: `chmod 0600 ${at.file}, or keep the password elsewhere: '\${file:/path}'.`,
    });
  }
  return findings;
}

/** Kept elsewhere, or not of use to a reader without the key. */
function isIndirect(value: string): boolean {
  return value.startsWith("${") || value.startsWith("AES");
}

function checkWritable(file: string): Finding[] {
  if (!mayOthers(file, 0o002)) return [];
  return [{
    severity: "error",
    code: "writable-file",
    file,
    line: 0,
    message: "everybody may change the file, and with it the commands that pgpool runs",
    hint: `chmod o-w ${file}`,
  }];
}

function mayOthers(file: string, bit: number): boolean {
  const stats = statSync(file, { throwIfNoEntry: false });
  return stats !== undefined && (stats.mode & bit) !== 0;
}
