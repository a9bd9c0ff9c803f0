import type { Answered } from "./run.ts";

/** The first object id that PostgreSQL gives to what users make (FirstNormalObjectId). */
const FIRST_USER_OID = 16384;

/** Lines shown before a difference. */
const BEFORE = 12;

/** Lines shown from a difference on. */
const AFTER = 6;

/** Two runs of a script did not get the same messages. */
export class Difference extends Error {
  override readonly name = "Difference";
}

/**
 * Compares what a script got in two places, message by message. Only object ids of what users made
 * may differ; they are replaced by the order in which they appear. (Process ids and keys have been
 * left out of the lines already.) What a failed transaction does not take is refused by pgpool
 * itself, as in Pgpool-II, which adds the statement.
 */
export function compare(
  script: string,
  names: readonly [string, string],
  runs: readonly [readonly Answered[], readonly Answered[]],
): void {
  const [expected, got] = [normalise(runs[0]), normalise(runs[1])];
  const at = expected.findIndex((line, index) => line !== got[index]);
  const first = at < 0 && got.length > expected.length ? expected.length : at;
  if (first < 0) return;
  const excerpt = (name: string, lines: readonly string[]) =>
    [`--- ${name}`, ...around(lines, first)].join("\n");
  throw new Difference(
    [
      `"${script}" differs at: ${lastSent(expected, first)}`,
      excerpt(names[0], expected),
      excerpt(names[1], got),
    ].join("\n"),
  );
}

/** All of a run as lines, what was sent marked with `>`. */
function normalise(answered: readonly Answered[]): string[] {
  const seen = new Map<string, string>();
  const rename = (oid: string) => {
    if (Number(oid) < FIRST_USER_OID) return oid;
    const known = seen.get(oid) ?? `oid${seen.size + 1}`;
    seen.set(oid, known);
    return known;
  };
  return answered.flatMap(({ sent, lines }) => [
    `> ${sent}`,
    ...lines.map((line) => withoutRefusal(withoutOids(line, rename))),
  ]);
}

function withoutOids(line: string, rename: (oid: string) => string): string {
  if (line.startsWith("ParameterDescription(")) return line.replace(/\d+/g, rename);
  if (!line.startsWith("RowDescription(")) return line;
  // "name table.attribute type oid size modifier format code" (tests/support/transcript.ts).
  return line.replace(
    / (\d+)\.(-?\d+) type (\d+) /g,
    (_, table: string, attribute: string, type: string) =>
      ` ${rename(table)}.${attribute} type ${rename(type)} `,
  );
}

function withoutRefusal(line: string): string {
  return line.replace(
    /^ErrorResponse\(S ERROR, V ERROR, C 25P02, M ([^,]*, commands.*? block),.*/s,
    "refused: $1",
  );
}

function lastSent(lines: readonly string[], at: number): string {
  return lines.slice(0, at + 1).findLast((line) => line.startsWith("> "))?.slice(2) ?? "the start";
}

function around(lines: readonly string[], at: number): string[] {
  const from = Math.max(0, at - BEFORE);
  const shown = lines.slice(from, at + AFTER).map((line, index) =>
    `${from + index === at ? "*" : " "} ${line}`
  );
  if (from > 0) shown.unshift(`  … ${from} lines`);
  if (at >= lines.length) shown.push("* (no more lines)");
  return shown;
}
