import type { Extension } from "./extension.ts";
import { pgpoolAdm } from "./pgpool_adm/extension.ts";
import { pgpoolRecovery } from "./pgpool_recovery/extension.ts";

/** The extensions that this binary can install, in the order of their names. */
export const EXTENSIONS: readonly Extension[] = [pgpoolAdm, pgpoolRecovery];
