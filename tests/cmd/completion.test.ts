import { describe, expect, it } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempDir } from "../support/temp.ts";
import { runAs } from "./support.ts";

/** What bash offers for a line whose last word is being typed. */
function bashOffers(script: string, words: readonly string[]): string[] {
  const file = join(tempDir(), "completion");
  writeFileSync(file, script);
  const array = words.map((word) => `'${word}'`).join(" ");
  const { stdout, stderr, exitCode } = Bun.spawnSync([
    "bash",
    "-c",
    `. "$0"; COMP_WORDS=(${array}); COMP_CWORD=${words.length - 1}; _pgpool; ` +
    `printf '%s\\n' "\${COMPREPLY[@]}"`,
    file,
  ]);
  expect({ exitCode, stderr: stderr.toString() }).toEqual({ exitCode: 0, stderr: "" });
  return stdout.toString().split("\n").filter((word) => word !== "");
}

describe("pgpool completion", () => {
  it("completes commands, options and values in bash", async () => {
    const { status, stdout } = await runAs("pgpool", ["completion", "bash"]);
    expect(status).toBe(0);
    const commands = bashOffers(stdout, ["pgpool", ""]);
    for (const command of ["serve", "stop", "reload", "passwd", "config", "--config-file"]) {
      expect(commands).toContain(command);
    }
    expect(bashOffers(stdout, ["pgpool", "rel"])).toEqual(["reload"]);
    expect(bashOffers(stdout, ["pgpool", "passwd", ""])).toContain("scram");
    expect(bashOffers(stdout, ["pgpool", "passwd", "md5", "--wr"])).toEqual(["--write"]);
    expect(bashOffers(stdout, ["pgpool", "stop", "-m", ""]))
      .toEqual(["smart", "fast", "immediate"]);
    expect(bashOffers(stdout, ["pgpool", "pcp", "node-"])).toEqual(["node-count", "node-info"]);
    expect(bashOffers(stdout, ["pgpool", "pcp", "reload-config", "--scope", ""]))
      .toEqual(["local", "cluster"]);
    expect(bashOffers(stdout, ["pgpool", "completion", ""]))
      .toEqual(expect.arrayContaining(["bash", "zsh", "fish"]));
    expect(bashOffers(stdout, ["pgpool", "-f", "/etc/host"])).toContain("/etc/hosts");
  });

  for (const shell of ["bash", "zsh", "fish"]) {
    it.skipIf(Bun.which(shell) === null)(`prints a script that ${shell} can read`, async () => {
      const { stdout } = await runAs("pgpool", ["completion", shell]);
      const file = join(tempDir(), "completion");
      writeFileSync(file, stdout);
      const { exitCode, stderr } = Bun.spawnSync([shell, "-n", file]);
      expect({ exitCode, stderr: stderr.toString() }).toEqual({ exitCode: 0, stderr: "" });
    });
  }

  it("names every command and option in each script", async () => {
    for (const shell of ["zsh", "fish"]) {
      const { stdout } = await runAs("pgpool", ["completion", shell]);
      for (const word of ["serve", "passwd", "scram", "discard-status", "iterations"]) {
        expect(stdout).toContain(word);
      }
    }
  });

  it("refuses shells that it does not know", async () => {
    const { status, stdout, stderr } = await runAs("pgpool", ["completion", "tcsh"]);
    expect(status).not.toBe(0);
    expect(stdout).toBe("");
    expect(stderr).toContain("bash, zsh, fish");
  });
});
