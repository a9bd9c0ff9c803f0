import { formatDouble } from "./numbers.ts";
import { formatValue } from "./show.ts";
import { quoteValue } from "./grammar.ts";
import { findParameter, parameterNames } from "./parameters.ts";
import type { Parameter } from "./parameters.ts";

/** Headings in the order of the file; headings that are missing here come last. */
const sectionOrder: readonly string[] = [
  "Clustering mode",
  "Connection settings",
  "Authentication settings",
  "TLS settings",
  "Backend connection settings",
  "Backend data settings",
  "Process management",
  "Connection pooling settings",
  "Load balancing settings",
  "Streaming replication check",
  "Health check",
  "Failover and failback settings",
  "Online recovery",
  "Native replication mode",
  "Where to log",
  "When to log",
  "What to log",
  "Query cache",
  "Query cache in shared memory",
  "Query cache in memcached",
  "Watchdog",
  "Watchdog communication",
  "Life checking of other pgpools",
  "Lifecheck by heartbeat",
  "Lifecheck by query",
  "Virtual IP control",
  "Escalation",
  "Failover by quorum and consensus",
  "Watchdog cluster membership",
  "Upstream server connection",
  "Metrics",
  "Other settings",
];

const introduction =
  `# Configuration of pgpool. Every line that begins with # is a comment; those of the
# form "#name = value" show the default or an example: remove the # to set it.
#
# Texts stand in single quotes. Sizes take the units B, kB, MB, GB, TB, times the
# units us, ms, s, min, h, d. Names that end with a number are per node, from 0.
# A value of "start" after "Changes:" needs a restart, "reload" takes effect with
# "pgpool reload", "session" can also be set with PGPOOL SET.
# Passwords may be kept elsewhere: '\${file:/path}' or '\${env:NAME}'.
`;

/** The sample configuration file: every parameter with its help, by section. */
export function generateSample(): string {
  const parts = [introduction];
  for (const section of sections()) {
    parts.push(`\n# === ${section} ===\n`);
    for (const name of parameterNames) {
      const parameter = findParameter(name);
      if (parameter?.section !== section || parameter.unlisted) continue;
      parts.push(`\n${describe(parameter)}${sampleLine(name, parameter)}\n`);
    }
  }
  return parts.join("");
}

function sections(): readonly string[] {
  const used = new Set<string>();
  for (const name of parameterNames) {
    const parameter = findParameter(name);
    if (parameter && !parameter.unlisted) used.add(parameter.section);
  }
  const ordered = sectionOrder.filter((section) => used.has(section));
  return [...ordered, ...[...used].filter((section) => !sectionOrder.includes(section))];
}

function describe(parameter: Parameter): string {
  const facts = [parameter.help, domain(parameter), `Changes: ${when(parameter)}.`];
  return wrap(facts.filter((fact) => fact !== "").join(" "), 76)
    .map((line) => `# ${line}\n`).join("");
}

function when(parameter: Parameter): string {
  return parameter.context === "startup" || parameter.readOnce ? "start" : parameter.context;
}

function domain(parameter: Parameter): string {
  switch (parameter.type) {
    case "enum":
      return `One of ${parameter.values.join(", ")}.`;
    case "double":
      return `From ${formatDouble(parameter.min)} to ${formatDouble(parameter.max)}.`;
    case "int":
      return parameter.unit ? `In ${parameter.unit}.` : "";
    default:
      return "";
  }
}

/** The line that sets the parameter, commented out unless the sample is meant to set it. */
function sampleLine(name: string, parameter: Parameter): string {
  const onlyIndexed = parameter.indexed && !parameter.indexed.bare;
  const start = name === "backend_clustering_mode" ? "" : "#";
  return `${start}${name}${onlyIndexed ? "0" : ""} = ${sampleValue(parameter)}`;
}

function sampleValue(parameter: Parameter): string {
  if (parameter.type === "int" && parameter.writtenInOctal) {
    return `0${parameter.default.toString(8)}`;
  }
  switch (parameter.type) {
    case "bool":
      return formatValue(parameter, parameter.default);
    case "int":
    case "double":
      // A default that only stands for "not set" cannot be written; the smallest value can.
      return parameter.sample ??
        formatValue(parameter, Math.max(parameter.default, parameter.min));
    default:
      return quoteValue(parameter.sample ?? formatValue(parameter, parameter.default));
  }
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
