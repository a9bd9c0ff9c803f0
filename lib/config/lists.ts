import { compilePattern } from "./patterns.ts";

/** Where a redirect sends: a node by its id, or any node of a role. */
export type RedirectTarget = number | "primary" | "standby";

/** One item of a redirect list (parameters.md 4.1). */
export interface Redirect {
  readonly pattern: RegExp;
  readonly target: RedirectTarget;
  /** Share of sessions that follow, 0 to 1. */
  readonly ratio: number;
}

/** Redirects of a list, or what is wrong with its first faulty item. */
export type RedirectList =
  | { readonly redirects: readonly Redirect[] }
  | { readonly wrong: string };

/**
 * Reads `user_redirect_preference_list` and its kin: a comma list of `pattern:node(ratio)`,
 * where node is `primary`, `standby` or an id. `subject` names what the pattern is matched
 * with, for the message. Later text is split at the last colon, so a pattern may contain one.
 */
export function parseRedirects(text: string, subject: string): RedirectList {
  const redirects: Redirect[] = [];
  for (const item of splitUnescaped(text)) {
    const colon = item.lastIndexOf(":");
    const spec = colon < 0 ? "" : item.slice(colon + 1).trim();
    const target = parseTarget(spec);
    if (!target) return { wrong: `wrong redirect db node spec: "${colon < 0 ? item : spec}"` };
    const expression = item.slice(0, colon).trim();
    const pattern = compilePattern(expression);
    if (!pattern || expression === "") {
      return { wrong: `wrong redirect ${subject} regular expression: "${expression}"` };
    }
    redirects.push({ pattern, ...target });
  }
  return { redirects };
}

/** Object and dependent object of an item of `dml_adaptive_object_relationship_list`. */
export interface ObjectRelationship {
  readonly object: string;
  readonly objectIsFunction: boolean;
  readonly dependent: string;
  readonly dependentIsFunction: boolean;
}

/** Reads `dml_adaptive_object_relationship_list`; items without a colon are left out. */
export function parseObjectRelationships(text: string): readonly ObjectRelationship[] {
  return splitUnescaped(text).flatMap((item) => {
    const [left = "", right] = item.split(":").map((side) => side.trim());
    if (left === "" || !right) return [];
    return [{
      object: left.replace(/\(\)$/, ""),
      objectIsFunction: left.endsWith("()"),
      dependent: right.replace(/\(\)$/, ""),
      dependentIsFunction: right.endsWith("()"),
    }];
  });
}

function parseTarget(spec: string): { target: RedirectTarget; ratio: number } | undefined {
  const match = /^(primary|standby|\d{1,3})(?:\s*\(\s*(\d*\.?\d+|\d+\.)\s*\))?$/i.exec(spec);
  if (!match) return undefined;
  const [, node = "", share = "1"] = match;
  const ratio = Number(share);
  if (ratio > 1) return undefined;
  const role = node.toLowerCase();
  if (role === "primary" || role === "standby") return { target: role, ratio };
  const id = Number(node);
  return id < 128 ? { target: id, ratio } : undefined;
}

/** Items between commas; a backslash protects the character after it, which keeps it. */
function splitUnescaped(text: string): readonly string[] {
  return [...text.matchAll(/(?:\\.|[^,\\]|\\$)+/gs)]
    .map(([item]) => item.trim())
    .filter((item) => item !== "");
}
