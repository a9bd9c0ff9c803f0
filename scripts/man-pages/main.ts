import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { commandTree } from "../../cmd/program.ts";
import { manPages } from "./page.ts";

const [directory] = process.argv.slice(2);
if (directory === undefined) throw new TypeError("the directory is missing");
for (const { name, text } of manPages(commandTree(() => {}))) {
  writeFileSync(join(directory, name), text);
}
