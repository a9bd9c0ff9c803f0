/**
 * PostgreSQL refuses to run as root. When we are root, servers run as an account without
 * privileges, and everything they read or write has to be within that account's reach.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";

export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/**
 * Who the servers run as: `nobody`, which every Debian has, when we are root; null (ourselves)
 * otherwise.
 */
export function serverAccount(): Account | null {
  if (process.getuid?.() !== 0) return null;
  for (const line of readFileSync("/etc/passwd", "utf8").split("\n")) {
    const [name, , uid, gid] = line.split(":");
    if (name === "nobody") return { name, uid: Number(uid), gid: Number(gid) };
  }
  return { name: "65534", uid: 65534, gid: 65534 };
}

/** The command line that runs a command as the account, with nothing but its primary group. */
export function asAccount(account: Account | null, command: readonly string[]): string[] {
  if (account === null) return [...command];
  return [
    "setpriv",
    ...["--reuid", String(account.uid), "--regid", String(account.gid), "--clear-groups", "--"],
    ...command,
  ];
}

/**
 * Whether the account may enter every directory on the way to the path, and read and enter (or
 * execute) the path itself if it exists.
 */
export function canReach(path: string, account: Account | null): boolean {
  if (account === null) return true;
  const target = resolve(path);
  if (!allows(target, account, 0o5)) return false;
  for (let dir = dirname(target);; dir = dirname(dir)) {
    if (!allows(dir, account, 0o1)) return false;
    if (dir === dirname(dir)) return true;
  }
}

/** Whether the permissions include these for the account; what does not exist forbids nothing. */
function allows(path: string, account: Account, permissions: number): boolean {
  const info = statSync(path, { throwIfNoEntry: false });
  if (info === undefined) return true;
  const shift = info.uid === account.uid ? 6 : info.gid === account.gid ? 3 : 0;
  return (info.mode >> shift & permissions) === permissions;
}

/** Hands the path and all below to the account; nothing happens when the servers are ourselves. */
export function give(path: string, account: Account | null): void {
  if (account === null) return;
  const owner = `${account.uid}:${account.gid}`;
  const { status, stderr } = spawnSync("chown", ["-R", "-h", owner, "--", path]);
  if (status !== 0) throw new Error(`cannot hand ${path} to ${account.name}: ${stderr}`);
}

/**
 * Writes a file, for its owner only, where the account may already have put things: as the account,
 * so that no link found there leads root anywhere else.
 */
export function writeFileAs(
  account: Account | null,
  file: string,
  text: string,
  mode = 0o600,
): void {
  if (account === null) {
    writeFileSync(file, text, { mode });
    return chmodSync(file, mode);
  }
  const [program = "", ...args] = asAccount(account, [
    ...["/bin/sh", "-c", 'umask 077 && cat > "$0" && chmod "$1" "$0"', file, mode.toString(8)],
  ]);
  const { status, stderr } = spawnSync(program, args, { cwd: "/", input: text });
  if (status !== 0) throw new Error(`cannot write ${file} as ${account.name}: ${stderr}`);
}
