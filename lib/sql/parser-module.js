// @ts-self-types="./parser-module.d.ts"
// The package's own entry looks for its .wasm beside node_modules and so does not survive
// `bun build --compile`; imported like this, both files are carried inside the binary.
export { default as createModule } from "libpg-query/wasm/libpg-query.js";
export { default as wasmPath } from "libpg-query/wasm/libpg-query.wasm" with { type: "file" };
