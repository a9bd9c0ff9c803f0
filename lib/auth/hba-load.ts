import { readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { AuthError } from "./errors.ts";
import type { LocalAddress } from "./hba-match.ts";
import { type HbaProblem, type HbaRule, parseHba } from "./hba-parse.ts";

/**
 * Reads pool_hba.conf and the files it names with @.
 * @throws AuthError when the file itself cannot be read
 */
export function loadHba(path: string): { rules: HbaRule[]; problems: HbaProblem[] } {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw new AuthError(`could not open configuration file "${path}"`, { cause });
  }
  return parseHba(text, (included) => readFileSync(included, "utf8"), path);
}

/** This machine's addresses, for samehost and samenet lines. */
export function localAddresses(): LocalAddress[] {
  return Object.values(networkInterfaces()).flatMap((addresses = []) =>
    addresses.map(({ address, netmask }) => ({ address, netmask }))
  );
}
