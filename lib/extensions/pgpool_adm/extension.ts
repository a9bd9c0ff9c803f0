import type { Extension } from "../extension.ts";
import script from "./pgpool_adm.sql" with { type: "text" };

/** The administration of a pool as functions of a server (reference sql-interface.md 12). */
export const pgpoolAdm: Extension = {
  name: "pgpool_adm",
  version: "1.6",
  comment: "administration of pgpool by SQL functions",
  requires: ["dblink"],
  script,
};
