import type { ModuleFactory, ParserModule } from "./parser-module.js";
import { type ParseTree, toParseTree } from "./tree.ts";

/** Why a text was not parsed. */
export interface ParseError {
  readonly message: string;
  /** Where the parser stopped, in characters from 0. */
  readonly cursorPosition: number;
}

/**
 * What became of a text. `transient`: it says nothing about the text, the same one may be parsed
 * a moment later.
 */
export type ParseOutcome =
  | { readonly ok: true; readonly tree: ParseTree }
  | { readonly ok: false; readonly error: ParseError; readonly transient: boolean };

/** The parser was used before {@link loadParser} had finished. */
export class ParserNotLoadedError extends Error {
  override name = "ParserNotLoadedError";
}

const TOO_COMPLEX: ParseOutcome = {
  ok: false,
  error: { message: "statement is nested too deeply", cursorPosition: 0 },
  transient: false,
};
const UNAVAILABLE: ParseOutcome = {
  ok: false,
  error: { message: "parser is being restarted", cursorPosition: 0 },
  transient: true,
};

const encoder = new TextEncoder();
let loading: Promise<void> | undefined;
let compiled: { readonly code: WebAssembly.Module; readonly create: ModuleFactory } | undefined;
let instance: ParserModule | undefined;

/** Loads PostgreSQL 18's parser, once; about 40 ms. */
export function loadParser(): Promise<void> {
  loading ??= load();
  return loading;
}

/**
 * Parses a text, given as a string or as valid UTF-8 without a zero byte.
 *
 * A text on which the parser itself breaks down (thousands of nesting levels) costs the instance:
 * such a failure leaves its memory in an unknown state. The next one is there a turn of the event
 * loop later; until then outcomes are transient failures.
 */
export function parse(sql: string | Uint8Array): ParseOutcome {
  if (loading === undefined) throw new ParserNotLoadedError("loadParser() has not been called");
  if (instance === undefined) {
    restart();
    return UNAVAILABLE;
  }
  const bytes = typeof sql === "string" ? encoder.encode(sql) : sql;
  let json: string | ParseError;
  try {
    json = run(instance, bytes);
  } catch {
    // Not a syntax error, which run() returns: a stack overflow or a trap inside the parser.
    instance = undefined;
    restart();
    return TOO_COMPLEX;
  }
  if (typeof json !== "string") return { ok: false, error: json, transient: false };
  try {
    const value: unknown = JSON.parse(json);
    return { ok: true, tree: toParseTree(value) };
  } catch {
    return TOO_COMPLEX;
  }
}

async function load(): Promise<void> {
  // Not before it is needed: other runtimes than Bun can not import it.
  const { createModule, wasmPath } = await import("./parser-module.js");
  const code = await WebAssembly.compile(await Bun.file(wasmPath).arrayBuffer());
  compiled = { code, create: createModule };
  instance = await instantiate(compiled);
}

let restarting = false;

function restart(): void {
  if (restarting || compiled === undefined) return;
  restarting = true;
  instantiate(compiled).then(
    (made) => {
      instance = made;
      restarting = false;
    },
    // Out of memory, most likely: the next statement to be parsed asks again.
    () => {
      restarting = false;
    },
  );
}

function instantiate({ code, create }: NonNullable<typeof compiled>): Promise<ParserModule> {
  return new Promise((resolve, reject) => {
    create({
      instantiateWasm(imports, done) {
        WebAssembly.instantiate(code, imports).then(done, reject);
      },
    }).then(resolve, reject);
  });
}

/** The tree as JSON, or what is wrong with the text. Throws when the parser breaks down. */
function run(parser: ParserModule, bytes: Uint8Array): string | ParseError {
  const text = parser._malloc(bytes.length + 1);
  if (text === 0) throw new RangeError("the parser is out of memory");
  parser.HEAPU8.set(bytes, text);
  parser.HEAPU8[text + bytes.length] = 0;
  const result = parser._wasm_parse_query_raw(text);
  if (result === 0) throw new RangeError("the parser is out of memory");
  // struct { char *parse_tree; char *stderr_buffer; PgQueryError *error; }
  const error = parser.getValue(result + 8, "i32");
  const outcome = error === 0
    ? parser.UTF8ToString(parser.getValue(result, "i32"))
    : readError(parser, error);
  parser._free(text);
  parser._wasm_free_parse_result(result);
  return outcome;
}

/** struct { char *message; char *funcname; char *filename; int lineno; int cursorpos; … } */
function readError(parser: ParserModule, error: number): ParseError {
  const cursor = parser.getValue(error + 16, "i32");
  return {
    message: parser.UTF8ToString(parser.getValue(error, "i32")),
    cursorPosition: Math.max(cursor - 1, 0),
  };
}
