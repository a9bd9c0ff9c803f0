/** A mistake on the command line; the message is for the person who typed it. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

export interface DemoOptions {
  /** The port asked for, null to take 9999 or else a free one. */
  readonly port: number | null;
  readonly standbys: number;
  readonly dir: string;
  readonly fresh: boolean;
  /** Shell command to run instead of waiting for Ctrl-C. */
  readonly exec: string | null;
  /** Kill the primary under load, and show what happens. */
  readonly failoverDemo: boolean;
  readonly help: boolean;
}

export const HELP = `Usage: scripts/run [OPTION]...

Starts a demo on this machine: PostgreSQL 18, one primary and its streaming standbys, and pgpool
in front of them. It runs until Ctrl-C, which stops everything; the data stay for the next time.

  --port N       port of pgpool (9999, or a free one when that is taken)
  --standbys N   number of standbys, 0 to 8 (1)
  --dir DIR      where the demo lives (./demo)
  --fresh        delete the data of an earlier demo first
  --exec 'CMD'   run CMD in a shell as soon as everything is up, then stop everything and exit with
                 its status; it finds PGHOST, PGPORT, PGUSER, PGDATABASE, PCPPORT and PCPPASSFILE
  --failover-demo
                 kill the primary under load and show what happens: how a standby is promoted, what
                 clients see, and how the old primary is made a standby; then stop everything
  --help         this text

The demo's servers listen on the loopback and trust everybody there: it is for trying things out on
a machine of your own.
`;

const MAX_STANDBYS = 8;

/** How far a name may be from an option to be taken for it. */
const MAX_TYPOS = 2;

type Draft = { -readonly [K in keyof DemoOptions]: DemoOptions[K] };

/** Options that take a value, and those that do not. */
const VALUED: Record<string, (draft: Draft, value: string) => void> = {
  "--port": (draft, value) => draft.port = integer("--port", value, 1, 65535),
  "--standbys": (draft, value) => draft.standbys = integer("--standbys", value, 0, MAX_STANDBYS),
  "--dir": (draft, value) => {
    if (value === "") throw new UsageError("--dir needs the name of a directory");
    draft.dir = value;
  },
  "--exec": (draft, value) => draft.exec = value,
};
const FLAGS: Record<string, (draft: Draft) => void> = {
  "--fresh": (draft) => draft.fresh = true,
  "--failover-demo": (draft) => draft.failoverDemo = true,
  "--help": (draft) => draft.help = true,
  "-h": (draft) => draft.help = true,
};

/** Reads the arguments of scripts/run; throws a UsageError. */
export function parseOptions(args: readonly string[]): DemoOptions {
  const draft: Draft = {
    port: null,
    standbys: 1,
    dir: "demo",
    fresh: false,
    exec: null,
    failoverDemo: false,
    help: false,
  };
  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    const [, name = arg, inline] = /^(--[^=]+)=(.*)$/s.exec(arg) ?? [];
    const flag = FLAGS[name];
    const valued = VALUED[name];
    if (flag !== undefined) {
      if (inline !== undefined) throw new UsageError(`${name} takes no value`);
      flag(draft);
    } else if (valued !== undefined) {
      const value = inline ?? rest.shift();
      if (value === undefined) throw new UsageError(`${name} needs a value`);
      valued(draft, value);
    } else {
      throw new UsageError(`unknown option "${name}"${suggestion(name)}`);
    }
  }
  if (draft.failoverDemo && draft.standbys === 0) {
    throw new UsageError("--failover-demo needs a standby that can be promoted");
  }
  if (draft.failoverDemo && draft.exec !== null) {
    throw new UsageError("--failover-demo and --exec do not go together");
  }
  return draft;
}

function integer(option: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < min || value > max) {
    throw new UsageError(`${option} needs a number from ${min} to ${max}, not "${text}"`);
  }
  return value;
}

/** `, did you mean --x?` for the known option that is nearest, if any is near. */
function suggestion(name: string): string {
  const known = [...Object.keys(VALUED), ...Object.keys(FLAGS)].filter((option) =>
    option.startsWith("--")
  );
  const bare = name.replace(/^-*/, "--");
  const [nearest] = known
    .map((option) => ({ option, distance: editDistance(bare, option) }))
    .sort((a, b) => a.distance - b.distance);
  return nearest !== undefined && nearest.distance <= MAX_TYPOS
    ? `, did you mean ${nearest.option}?`
    : " (try --help)";
}

/** Levenshtein's distance: insertions, deletions and replacements that turn one into the other. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (const [i, char] of [...from].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...to].entries()) {
      const replace = (row[j] ?? 0) + (char === other ? 0 : 1);
      next.push(Math.min(replace, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
