/**
 * What pgpool offers to other programs: reading its configuration, and telling what SQL text means
 * for routing.
 *
 * @module
 */
export {
  type BackendConfig,
  type Config,
  loadConfig,
  type LoadedConfig,
} from "./lib/config/load.ts";
export { ConfigError, type Problem } from "./lib/config/problems.ts";
export { showParameter, type ShowTable } from "./lib/config/show.ts";
export { loadParser } from "./lib/sql/parser.ts";
export { type StatementClass, type StatementKind } from "./lib/sql/statement-class.ts";
export { StatementCache } from "./lib/sql/template.ts";
