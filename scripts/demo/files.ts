import { chmodSync, rmSync, writeFileSync } from "node:fs";
import { give } from "../../tests/support/account.ts";
import type { Place } from "./place.ts";

/** Writes a file for pgpool only, in the directory that only we write. */
export function writeForPool({ account }: Place, file: string, text: string, mode = 0o600): void {
  rmSync(file, { force: true });
  writeFileSync(file, text, { mode: 0o600 });
  chmodSync(file, mode);
  give(file, account);
}
