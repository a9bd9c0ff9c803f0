import type { Extension } from "../extension.ts";
import script from "./pgpool_recovery.sql" with { type: "text" };

/** The scripts of online recovery as functions of a server (reference sql-interface.md 12). */
export const pgpoolRecovery: Extension = {
  name: "pgpool_recovery",
  version: "1.4",
  comment: "recovery functions for pgpool",
  requires: [],
  script,
};
