import type { Config } from "../../config/config.ts";
import { compilePattern } from "../../config/patterns.ts";
import type { RedirectRule } from "../../session/load-balance.ts";
import type { SessionPatterns } from "../../session/settings.ts";

/** Compiles the lists of patterns that routing goes by (parameters.md 1 and 4.1). */
export function compilePatterns(values: Config["values"]): SessionPatterns {
  return {
    userRules: redirectRules(values.user_redirect_preference_list),
    databaseRules: redirectRules(values.database_redirect_preference_list),
    applicationRules: redirectRules(values.app_name_redirect_preference_list),
    readOnlyFunctions: compiled(values.read_only_function_list),
    writeFunctions: compiled(values.write_function_list),
    primaryRouting: compiled(values.primary_routing_query_pattern_list),
  };
}

function compiled(patterns: readonly string[]): RegExp[] {
  return patterns.map(compilePattern).filter((each) => each !== undefined);
}

/** `pattern:node(ratio)` items; what can not be read was refused when the file was loaded. */
function redirectRules(list: string): RedirectRule[] {
  const rules: RedirectRule[] = [];
  for (const item of list.split(",")) {
    const parts = /^\s*(.+):\s*(primary|standby|\d+)\s*(?:\(\s*([\d.]+)\s*\))?\s*$/i.exec(item);
    if (parts === null) continue;
    const pattern = compilePattern(parts[1].trim());
    if (pattern === undefined) continue;
    const target = parts[2].toLowerCase();
    rules.push({
      pattern,
      target: target === "primary" || target === "standby" ? target : Number(target),
      ratio: parts[3] === undefined ? 1 : Number(parts[3]),
    });
  }
  return rules;
}
