import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { give, serverAccount } from "./account.ts";
import { onCleanUp } from "./clean-up.ts";

/** The longest path a Unix socket may have on Linux (sun_path without its zero byte). */
export const MAX_SOCKET_PATH = 107;

/** Room for `/.s.PGSQL.65535` and a directory in between. */
const SOCKET_NAME_ROOM = 30;

/**
 * A new directory with a path short enough for Unix sockets, owned by the account that servers run
 * as and open for everybody to enter. It is removed when the tests end.
 */
export function tempDir(prefix = "pgt"): string {
  const base = tmpdir().length + SOCKET_NAME_ROOM + prefix.length < MAX_SOCKET_PATH
    ? tmpdir()
    : "/tmp";
  const dir = mkdtempSync(join(base, `${prefix}-`));
  chmodSync(dir, 0o755);
  give(dir, serverAccount());
  onCleanUp(() => rmSync(dir, { recursive: true, force: true }), "directory");
  return dir;
}
