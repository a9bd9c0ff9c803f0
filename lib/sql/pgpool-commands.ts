import { Token, Tokenizer } from "./pgpool-tokens.ts";
import { continuesWord, isBlank, skipBlank } from "./lexing.ts";
import { wordAt } from "./leading.ts";

/** The views that SHOW knows beside the server's own parameters. */
export const POOL_VIEWS = [
  "pool_status",
  "pool_nodes",
  "pool_processes",
  "pool_pools",
  "pool_version",
  "pool_cache",
  "pool_health_check_stats",
  "pool_backend_stats",
] as const;

/** Name of a view of SHOW. */
export type PoolView = typeof POOL_VIEWS[number];

/** A command that pgpool itself answers (reference sql-interface.md 1, 7, 8 and 9). */
export type PgpoolCommand =
  /** SHOW POOL_… */
  | { readonly kind: "show-pool"; readonly view: PoolView }
  /** PGPOOL SHOW: a parameter, with its index or without, a group, or "all". */
  | { readonly kind: "show"; readonly name: string }
  /** PGPOOL SET; no value means DEFAULT. */
  | { readonly kind: "set"; readonly name: string; readonly value?: string }
  /** PGPOOL RESET name. */
  | { readonly kind: "reset"; readonly name: string }
  /** PGPOOL RESET ALL. */
  | { readonly kind: "reset-all" }
  /** PGPOOL SET CACHE DELETE: the cached query's text. */
  | { readonly kind: "cache-delete"; readonly query: string };

/**
 * Whether a text may be a command of pgpool's own, told from its first words. Cheap for all others.
 */
export function looksLikePgpoolCommand(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  const byte = bytes[at] ?? 0;
  if (isBlank(byte) || byte === 0x2d || byte === 0x2f) at = skipBlank(bytes, at, end);
  const letter = (bytes[at] ?? 0) | 0x20;
  // Lengths first: SELECT ends here, without a string made of it.
  if (letter === 0x70) {
    return wordLength(bytes, at, end) === 6 && wordAt(bytes, at, end) === "pgpool";
  }
  if (letter !== 0x73 || wordLength(bytes, at, end) !== 4 || wordAt(bytes, at, end) !== "show") {
    return false;
  }
  at = skipBlank(bytes, at + 4, end);
  if (bytes[at] === 0x22) at++;
  return wordAt(bytes, at, end).startsWith("pool_");
}

/**
 * Reads a command of pgpool's own. Undefined when the text is none, or not well formed: it then
 * goes to a server, which says so. Of several statements only the first is looked at.
 */
export function parsePgpoolCommand(text: string): PgpoolCommand | undefined {
  const tokens = new Tokenizer(text);
  switch (tokens.word()) {
    case "show":
      return show(tokens);
    case "pgpool":
      return pgpool(tokens);
    default:
      return undefined;
  }
}

function show(tokens: Tokenizer): PgpoolCommand | undefined {
  const name = tokens.name();
  const view = POOL_VIEWS.find((each) => each === name);
  return view !== undefined && tokens.atEnd() ? { kind: "show-pool", view } : undefined;
}

function pgpool(tokens: Tokenizer): PgpoolCommand | undefined {
  const verb = tokens.word();
  if (verb === "set") return set(tokens);
  if (verb !== "show" && verb !== "reset") return undefined;
  const isWord = tokens.peek().type === Token.Word;
  const name = tokens.name();
  if (name === undefined || !tokens.atEnd()) return undefined;
  if (verb === "show") return { kind: "show", name };
  return isWord && name === "all" ? { kind: "reset-all" } : { kind: "reset", name };
}

function set(tokens: Tokenizer): PgpoolCommand | undefined {
  const isWord = tokens.peek().type === Token.Word;
  const name = tokens.name();
  if (name === undefined) return undefined;
  const next = tokens.next();
  if (isWord && name === "cache" && next.type === Token.Word && next.text === "delete") {
    const query = tokens.next();
    if (query.type !== Token.String || !tokens.atEnd()) return undefined;
    return { kind: "cache-delete", query: query.text };
  }
  const assigns = next.type === Token.Word && next.text === "to" ||
    next.type === Token.Sign && next.text === "=";
  return assigns ? setTo(name, tokens) : undefined;
}

/** The value of SET: words, strings and numbers, joined by commas. */
function setTo(name: string, tokens: Tokenizer): PgpoolCommand | undefined {
  const values: string[] = [];
  do {
    const isWord = tokens.peek().type === Token.Word;
    const value = tokens.value();
    if (value === undefined) return undefined;
    if (isWord && value === "default") {
      return values.length === 0 && tokens.atEnd() ? { kind: "set", name } : undefined;
    }
    values.push(value);
  } while (tokens.skipSign(","));
  return tokens.atEnd() ? { kind: "set", name, value: values.join(", ") } : undefined;
}

function wordLength(bytes: Uint8Array, at: number, end: number): number {
  let next = at;
  while (next < end && next - at < 8 && continuesWord(bytes[next] ?? 0)) next++;
  return next - at;
}
