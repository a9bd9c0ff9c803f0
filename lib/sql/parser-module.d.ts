/** What is used of an instance of libpg-query's WASM module. Pointers are numbers. */
export interface ParserModule {
  readonly HEAPU8: Uint8Array;
  _malloc(size: number): number;
  _free(pointer: number): void;
  _wasm_parse_query_raw(text: number): number;
  _wasm_free_parse_result(result: number): void;
  getValue(pointer: number, type: "i32"): number;
  UTF8ToString(pointer: number): string;
}

/** Hooks of the module's loader. */
export interface ModuleHooks {
  instantiateWasm(
    imports: Bun.WebAssembly.Imports,
    done: (instance: WebAssembly.Instance) => void,
  ): void;
}

export type ModuleFactory = (hooks: ModuleHooks) => Promise<ParserModule>;

export const createModule: ModuleFactory;

/** Path of the .wasm file, also inside a compiled binary. */
export const wasmPath: string;
