import { describe, expect, it } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { commandTree } from "../../cmd/program.ts";
import { manPages } from "../../scripts/man-pages/page.ts";
import { tempDir } from "../support/temp.ts";

const pages = manPages(commandTree(() => {}));

describe("the man pages", () => {
  it("are one for every command, with all its options", () => {
    const names = pages.map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining(["pgpool.8", "pgpool-serve.8", "pgpool-passwd-scram.8"]),
    );
    const serve = pages.find(({ name }) => name === "pgpool-serve.8")?.text;
    expect(serve).toContain("\\-\\-discard\\-status");
    expect(serve).toContain(".B pgpool serve");
  });

  it.skipIf(Bun.which("groff") === null)("are read by groff without a warning", () => {
    const dir = tempDir();
    for (const { name, text } of pages) {
      writeFileSync(join(dir, name), text);
      const { exitCode, stdout, stderr } = Bun.spawnSync(
        ["groff", "-man", "-Tascii", "-ww", join(dir, name)],
      );
      expect({ exitCode, stderr: stderr.toString() }).toEqual({ exitCode: 0, stderr: "" });
      expect(stdout.length).toBeGreaterThan(0);
    }
  });
});
