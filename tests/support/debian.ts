import { cpSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Account, canReach, give } from "./account.ts";
import { ROOT } from "./programs.ts";

const UNPACKED = join(ROOT, ".tools/debian/root");

/** A program and the environment that it needs. */
export interface Program {
  readonly path: string;
  readonly env: Readonly<Record<string, string>>;
}

/**
 * A program of Debian's packages under /usr/sbin: installed, or as the scripts have unpacked it.
 * What the account cannot read is copied to the directory. Null where there is none.
 */
export function debianProgram(name: string, account: Account | null, dir: string): Program | null {
  const installed = `/usr/sbin/${name}`;
  if (existsSync(installed)) return { path: installed, env: {} };
  if (!existsSync(join(UNPACKED, installed))) return null;
  let root = UNPACKED;
  if (!canReach(join(UNPACKED, installed), account)) {
    root = join(dir, "debian");
    for (const part of ["usr/sbin", "usr/lib"]) {
      if (existsSync(join(root, part))) continue;
      mkdirSync(join(root, part), { recursive: true });
      cpSync(join(UNPACKED, part), join(root, part), { recursive: true, verbatimSymlinks: true });
    }
    give(root, account);
  }
  const triple = `${process.arch === "x64" ? "x86_64" : "aarch64"}-linux-gnu`;
  const libraries = [join(root, "usr/lib", triple), join(root, "usr/lib")];
  return { path: join(root, installed), env: { LD_LIBRARY_PATH: libraries.join(":") } };
}
