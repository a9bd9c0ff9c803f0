import type { Severity } from "../log/severity.ts";
import type { RedirectRule } from "./load-balance.ts";

/** The parameters a session goes by; PGPOOL SET may put other values in their place. */
export interface SessionSettings {
  readonly load_balance_mode: boolean;
  readonly ignore_leading_white_space: boolean;
  readonly allow_sql_comments: boolean;
  readonly statement_level_load_balance: boolean;
  readonly disable_load_balance_on_write: string;
  readonly prefer_lower_delay_standby: boolean;
  readonly delay_threshold: number;
  readonly delay_threshold_by_time: number;
  readonly check_temp_table: string;
  readonly check_unlogged_table: boolean;
  readonly log_statement: boolean;
  readonly log_per_node_statement: boolean;
  readonly notice_per_node_statement: boolean;
  readonly log_client_messages: boolean;
  readonly log_backend_messages: "none" | "terse" | "verbose";
  readonly client_min_messages: Severity;
}

/** Lists of patterns compiled from the configuration, shared by all sessions. */
export interface SessionPatterns {
  readonly userRules: readonly RedirectRule[];
  readonly databaseRules: readonly RedirectRule[];
  readonly applicationRules: readonly RedirectRule[];
  readonly readOnlyFunctions: readonly RegExp[];
  readonly writeFunctions: readonly RegExp[];
  readonly primaryRouting: readonly RegExp[];
}
