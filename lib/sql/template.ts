import { isUtf8 } from "node:buffer";
import { ByteTable } from "./byte-table.ts";
import { classifyTree, dependsOnLiterals } from "./classify.ts";
import { Folder } from "./fold.ts";
import { parse } from "./parser.ts";
import { classifyByScan } from "./scan.ts";
import { type StatementClass, UNPARSABLE } from "./statement-class.ts";
import type { ParseTree } from "./tree.ts";

/** Bounds of a {@link StatementCache}. */
export interface StatementCacheLimits {
  readonly entries: number;
  readonly maxBytes: number;
}

/** What a caller knows of a text beside its bytes. */
export interface TextHints {
  /** The range holds only the beginning of the text. */
  readonly partial?: boolean;
  /** The session has standard_conforming_strings off: a backslash escapes in every string. */
  readonly backslashEscapes?: boolean;
}

/** Counts of a {@link StatementCache} since it was made. */
export interface StatementCacheStats {
  /** Answered by the template of the text. */
  readonly templateHits: number;
  /** Answered by the very same text. */
  readonly exactHits: number;
  /** Parsed. */
  readonly parsed: number;
  /** Too long to be parsed. */
  readonly scanned: number;
  readonly entries: number;
  readonly bytes: number;
}

/**
 * Longest text that is parsed, in bytes: parsing holds up every other client of the process. It is
 * below the part of a message that a frame reader keeps, so that a beginning is never parsed.
 */
export const LONGEST_PARSED = 60_000;
/** Texts from this length on are looked up whole first: comparing costs less than folding. */
const EXACT_FIRST = 256;
const RECENT = 1024;
const NO_HINTS: TextHints = {};
const BACKSLASH = 0x5c;

/**
 * Classes of statements by their text. A text is parsed once per template, its literals folded
 * away; where literals matter, and where PostgreSQL's lexer might see something else, once per
 * text. A hit says what a text is, not that it is valid. Comments do not count: what a comment asks
 * for has to be read from the text.
 */
export class StatementCache {
  readonly #templates: ByteTable<StatementClass | typeof EXACT_ONLY>;
  readonly #exact: ByteTable<StatementClass>;
  readonly #folder = new Folder(LONGEST_PARSED);
  /** Hashes of long texts seen lately: only one that comes again is worth keeping. */
  readonly #recent = new Int32Array(RECENT);
  #templateHits = 0;
  #exactHits = 0;
  #parsed = 0;
  #scanned = 0;

  constructor(limits: StatementCacheLimits) {
    this.#templates = new ByteTable(limits.entries / 2, limits.maxBytes / 2);
    this.#exact = new ByteTable(limits.entries / 2, limits.maxBytes / 2);
  }

  get stats(): StatementCacheStats {
    return {
      templateHits: this.#templateHits,
      exactHits: this.#exactHits,
      parsed: this.#parsed,
      scanned: this.#scanned,
      entries: this.#templates.size + this.#exact.size,
      bytes: this.#templates.bytes + this.#exact.bytes,
    };
  }

  /**
   * The class of the text in a range of bytes. Never throws for what the bytes are: zeros, invalid
   * UTF-8 and texts the parser refuses are "unparsable", for the primary. `loadParser()` must have
   * finished.
   */
  classify(
    bytes: Uint8Array,
    start: number,
    end: number,
    hints: TextHints = NO_HINTS,
  ): StatementClass {
    const length = end - start;
    if (length > LONGEST_PARSED || hints.partial === true) {
      this.#scanned++;
      return classifyByScan(bytes, start, end, hints.partial === true);
    }
    if (hints.backslashEscapes === true && bytes.subarray(start, end).includes(BACKSLASH)) {
      return UNPARSABLE;
    }
    return length < EXACT_FIRST
      ? this.#byTemplate(bytes, start, end)
      : this.#longText(bytes, start, end);
  }

  #longText(bytes: Uint8Array, start: number, end: number): StatementClass {
    const known = this.#known(bytes, start, end);
    if (known !== undefined) return known;
    const found = this.#byTemplate(bytes, start, end);
    const hash = exactHash(bytes, start, end);
    const slot = hash & (RECENT - 1);
    if (this.#recent[slot] === hash && found !== UNPARSABLE) {
      this.#exact.set(hash, bytes, start, end, found, sizeOf(found));
    }
    this.#recent[slot] = hash;
    return found;
  }

  #byTemplate(bytes: Uint8Array, start: number, end: number): StatementClass {
    const folder = this.#folder;
    if (!folder.fold(bytes, start, end)) return this.#byText(bytes, start, end);
    if (folder.beyondAscii && !isUtf8(bytes.subarray(start, end))) return UNPARSABLE;
    const { hash, key, length } = folder;
    const known = this.#templates.get(hash, key, 0, length);
    if (known === undefined) return this.#learn(bytes, start, end);
    if (known === EXACT_ONLY) return this.#byText(bytes, start, end);
    this.#templateHits++;
    return known;
  }

  /** Parses a text whose template, in the folder, is not known. */
  #learn(bytes: Uint8Array, start: number, end: number): StatementClass {
    const refused = this.#known(bytes, start, end);
    if (refused !== undefined) return refused;
    const { hash, key, length } = this.#folder;
    const tree = this.#parse(bytes, start, end);
    if (tree === undefined) return UNPARSABLE;
    const found = classifyTree(tree);
    if (dependsOnLiterals(found, tree)) {
      this.#templates.set(hash, key, 0, length, EXACT_ONLY, 0);
      this.#keep(bytes, start, end, found);
    } else {
      this.#templates.set(hash, key, 0, length, found, sizeOf(found));
    }
    return found;
  }

  /** The class of exactly this text. */
  #byText(bytes: Uint8Array, start: number, end: number): StatementClass {
    const known = this.#known(bytes, start, end);
    if (known !== undefined) return known;
    const tree = this.#parse(bytes, start, end);
    if (tree === undefined) return UNPARSABLE;
    const found = classifyTree(tree);
    this.#keep(bytes, start, end, found);
    return found;
  }

  /** A refusal is kept for this text alone: another one of the same template may be valid. */
  #parse(bytes: Uint8Array, start: number, end: number): ParseTree | undefined {
    const text = bytes.subarray(start, end);
    // The parser would take what comes before a zero for the whole text.
    if (text.includes(0) || !isUtf8(text)) return undefined;
    this.#parsed++;
    const outcome = parse(text);
    if (outcome.ok) return outcome.tree;
    if (!outcome.transient) this.#keep(bytes, start, end, UNPARSABLE);
    return undefined;
  }

  #known(bytes: Uint8Array, start: number, end: number): StatementClass | undefined {
    const known = this.#exact.get(exactHash(bytes, start, end), bytes, start, end);
    if (known !== undefined) this.#exactHits++;
    return known;
  }

  #keep(bytes: Uint8Array, start: number, end: number, found: StatementClass): void {
    const hash = exactHash(bytes, start, end);
    this.#exact.set(hash, bytes, start, end, found, sizeOf(found));
  }
}

/** Marks a template whose literals decide the class. */
const EXACT_ONLY = Symbol("exact only");

function exactHash(bytes: Uint8Array, start: number, end: number): number {
  return Bun.hash.xxHash32(bytes.subarray(start, end)) | 0;
}

/** Bytes a class takes, roughly. */
function sizeOf(statement: StatementClass): number {
  const inner = statement.prepared?.inner;
  const names = statement.relations.length + statement.functions.length;
  return 300 + names * 150 + (inner === undefined ? 0 : sizeOf(inner));
}
