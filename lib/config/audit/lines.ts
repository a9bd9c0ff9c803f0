import { statSync } from "node:fs";
import { resolveName } from "../names.ts";
import type { PlacedAssignment } from "../files.ts";
import type { Finding } from "./finding.ts";

/** Finds what is set twice and passwords that stand in files which others may read. */
export function checkLines(assignments: readonly PlacedAssignment[]): Finding[] {
  const findings: Finding[] = [];
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
    if (!isReadableByOthers(at.file)) continue;
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

function isReadableByOthers(file: string): boolean {
  const stats = statSync(file, { throwIfNoEntry: false });
  return stats !== undefined && (stats.mode & 0o004) !== 0;
}
