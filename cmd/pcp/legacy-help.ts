import type { Flag, PcpCommandSpec } from "./catalogue.ts";

type Line = readonly [flags: string, text: string];

const CONNECTION: readonly Line[] = [
  ["-U, --username=NAME", "user of the pool's pcp.conf"],
  ["-h, --host=HOSTNAME", "host of the pool, or directory of its Unix socket"],
  ["-p, --port=PORT", "port of PCP"],
  ["-w, --no-password", "never ask for a password"],
  ["-W, --password", "ask for the password at once"],
];

const ARGUMENTS = {
  node: { word: "node-id", line: ["-n, --node-id=NODEID", "id of a node"] },
  process: { word: "process-id", line: ["-P, --process-id=PID", "id of a process of the pool"] },
  watchdog: {
    word: "watchdog-id",
    line: ["-n, --watchdog-id=ID", "number of a pgpool, 0 is the one that is asked (default: all)"],
  },
} as const;

const FLAGS: Readonly<Record<Flag, Line>> = {
  all: ["-a, --all", "also what is not in use"],
  gracefully: ["-g, --gracefully", "wait until all clients have left"],
  switchover: ["-s, --switchover", "have failover_command promote the node"],
  mode: ["-m, --mode=MODE", "smart, fast or immediate"],
  scope: ["-s, --scope=SCOPE", "cluster (all pgpools of the watchdog) or local"],
};

const COMMON: readonly Line[] = [
  ["-d, --debug", "trace the messages"],
  ["-v, --verbose", "print every value with its title"],
  ["-?, --help", "print this help"],
];

/** What a program of a Pgpool-II name prints for --help (reference commands.md 2.3). */
export function legacyHelp(program: string, spec: PcpCommandSpec): string {
  const argument = spec.argument === undefined ? undefined : ARGUMENTS[spec.argument.names];
  const lines: readonly Line[] = [
    ...CONNECTION,
    ...(argument === undefined ? [] : [argument.line]),
    ...spec.flags.map((flag) => FLAGS[flag]),
    ...COMMON,
  ];
  return [
    `${program} - ${spec.description}`,
    "Usage:",
    `${program} [OPTION...] ${argument === undefined ? "" : `[${argument.word}]`}`,
    "Options:",
    ...lines.map(([flags, text]) => `  ${flags.padEnd(22)} ${text}`),
    "",
    "",
  ].join("\n");
}
