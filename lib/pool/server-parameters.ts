/** Tables remembered for sharing; when there are more, the search for equal ones begins anew. */
const MOST_TABLES = 1000;

const tables = new Map<string, ReadonlyMap<string, string>>();

/**
 * The parameters that a server has reported on one connection. Most connections are told the same,
 * so those that are alike share one table; a change gives a connection another one.
 */
export class ServerParameters implements Iterable<readonly [name: string, value: string]> {
  #table: ReadonlyMap<string, string>;

  constructor(reported: ReadonlyMap<string, string>) {
    this.#table = shared(reported);
  }

  get(name: string): string | undefined {
    return this.#table.get(name);
  }

  set(name: string, value: string): void {
    if (this.#table.get(name) === value) return;
    this.#table = shared(new Map(this.#table).set(name, value));
  }

  [Symbol.iterator](): Iterator<readonly [name: string, value: string]> {
    return this.#table.entries();
  }
}

function shared(table: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const key = JSON.stringify([...table]);
  const known = tables.get(key);
  if (known !== undefined) return known;
  if (tables.size >= MOST_TABLES) tables.clear();
  tables.set(key, table);
  return table;
}
