/**
 * The name that somebody may have meant by a word that is none of them: the only one that begins so,
 * or else the one that the fewest slips of the keyboard lead to. Undefined when none is near.
 */
export function mostSimilar(word: string, names: readonly string[]): string | undefined {
  const wanted = word.toLowerCase();
  const begun = names.filter((name) => name.toLowerCase().startsWith(wanted));
  if (begun.length === 1) return begun[0];
  let best: string | undefined;
  let least = Math.max(wanted.length < 4 ? 1 : 2, Math.floor(wanted.length / 3)) + 1;
  for (const name of names) {
    const slips = distance(wanted, name.toLowerCase(), least);
    if (slips >= least) continue;
    best = name;
    least = slips;
  }
  return best;
}

/**
 * How many letters have to be inserted, removed, replaced or swapped with the next to make one text
 * of the other; stops counting at `limit`.
 */
function distance(one: string, other: string, limit: number): number {
  if (Math.abs(one.length - other.length) >= limit) return limit;
  let before: number[] = [];
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let i = 1; i <= one.length; i++) {
    const next = [i];
    for (let j = 1; j <= other.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (one[i - 1] === other[j - 1] ? 0 : 1);
      const isSwap = i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1];
      const swapped = isSwap ? (before[j - 2] ?? 0) + 1 : Infinity;
      next.push(Math.min(replaced, swapped, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    if (Math.min(...row, ...next) >= limit) return limit;
    before = row;
    row = next;
  }
  return row[other.length] ?? limit;
}
