import { expect, it } from "bun:test";
import { Glob } from "bun";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isInactive } from "../../lib/config/audit/inactive.ts";
import { isPointless } from "../../lib/config/audit/pointless.ts";
import { findParameter, parameterNames } from "../../lib/config/parameters.ts";

const LIB = join(import.meta.dir, "../../lib");
/** Where parameters are described and looked over, which is no use of them. */
const TALKS_OF_THEM = /^(config\/(?!config\.ts)|admin\/audit\/)/;

it("no parameter is without effect but config check says so", () => {
  const files = [...new Glob("**/*.ts").scanSync(LIB)].filter((file) => !TALKS_OF_THEM.test(file));
  const words = new Set(
    files.flatMap((file) => readFileSync(join(LIB, file), "utf8").match(/\b\w+\b/g) ?? []),
  );
  const silent = parameterNames.filter((name) =>
    !words.has(name) && !isInactive(name) && !isPointless(name) &&
    findParameter(name)?.deprecated === undefined
  );
  expect(silent).toEqual([]);
});
