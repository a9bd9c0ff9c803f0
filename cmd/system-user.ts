import { spawnSync } from "node:child_process";
import { userInfo } from "node:os";

/**
 * The user who is meant when none is named: the one who runs the program, as the system's user
 * database calls them. The runtime only knows $USER, which cron and services do not set.
 */
export function systemUser(): string {
  const { status, stdout } = spawnSync("id", ["-un"], { encoding: "utf8" });
  return status === 0 && stdout.trim() !== "" ? stdout.trim() : userInfo().username;
}
