import { chmodSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { md5Hex } from "../../../lib/auth/md5.ts";
import { type Outcome, runAs, runOnTerminal, type TerminalOutcome } from "../../cmd/support.ts";
import { onCleanUp } from "../../support/clean-up.ts";
import type { Pgpool } from "../../support/pgpool.ts";
import { pgpoolBinary } from "../../support/programs.ts";
import { tempDir } from "../../support/temp.ts";

export const ADMIN = "admin";
export const ADMIN_PASSWORD = "s3cr:et";

/** The line of the password file that lets in. */
export const PASSWORD_LINE = `*:*:${ADMIN}:s3cr\\:et\n`;

/** pcp.conf with that user. */
export const PCP_CONF = `${ADMIN}:${md5Hex(ADMIN_PASSWORD)}\n`;

/** What is typed on a terminal, each after the prompt for it. */
type Dialogue = readonly (readonly [prompt: string, typed: string])[];

/** An administrator at a shell: the compiled pgpool, and a password file. */
export class Administrator {
  #passwordFile = join(tempDir(), "pcppass");
  readonly #target: readonly string[];
  readonly #binary = pgpoolBinary(null);

  constructor({ host, pcpPort }: Pick<Pgpool, "host" | "pcpPort">) {
    this.#target = ["-h", host, "-p", String(pcpPort), "-U", ADMIN];
    this.writePasswordFile(PASSWORD_LINE);
  }

  get passwordFile(): string {
    return this.#passwordFile;
  }

  /** Lets PCPPASSFILE name another file. */
  usePasswordFile(path: string): void {
    this.#passwordFile = path;
  }

  writePasswordFile(text: string, mode = 0o600): void {
    writeFileSync(this.passwordFile, text);
    chmodSync(this.passwordFile, mode);
  }

  /** Runs a program of a Pgpool-II name against the pool; later options win. */
  async legacy(program: string, ...args: readonly string[]): Promise<Outcome> {
    return await runAs(program, [...this.#target, ...args], this.#options);
  }

  /** Runs a command of `pgpool pcp` against the pool; later options win. */
  async pcp(command: string, ...args: readonly string[]): Promise<Outcome> {
    return await runAs("pgpool", this.#words(command, args), this.#options);
  }

  /** Runs a command of `pgpool pcp` with a text as its standard input. */
  async pcpWithInput(input: string, command: string, ...args: readonly string[]) {
    return await runAs("pgpool", this.#words(command, args), { ...this.#options, input });
  }

  /** What a command prints with --json. */
  async json(command: string, ...args: readonly string[]) {
    return JSON.parse((await this.pcp(command, ...args, "--json")).stdout);
  }

  /** Runs another implementation of such a program. */
  async foreign(
    binary: string,
    env: Readonly<Record<string, string>>,
    ...args: readonly string[]
  ): Promise<Outcome> {
    const options = { binary, env: { ...this.#options.env, ...env } };
    return await runAs(basename(binary), [...this.#target, ...args], options);
  }

  /** Starts a command of `pgpool pcp` that does not end by itself; it ends with the tests. */
  start(command: string, ...args: readonly string[]) {
    const { binary, env } = this.#options;
    const child = Bun.spawn([binary, ...this.#words(command, args)], {
      argv0: "pgpool",
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, ...env },
    });
    onCleanUp(() => child.kill("SIGKILL"));
    return child;
  }

  async legacyOnTerminal(
    program: string,
    args: readonly string[],
    dialogue: Dialogue = [],
  ): Promise<TerminalOutcome> {
    const words = [...this.#target, ...args];
    return await runOnTerminal(program, words, dialogue, this.#options.env, this.#options);
  }

  async pcpOnTerminal(
    command: string,
    args: readonly string[],
    dialogue: Dialogue = [],
  ): Promise<TerminalOutcome> {
    const words = this.#words(command, args);
    return await runOnTerminal("pgpool", words, dialogue, this.#options.env, this.#options);
  }

  get #options() {
    const env: Record<string, string> = { PCPPASSFILE: this.#passwordFile, NO_COLOR: "1" };
    return { binary: this.#binary, env };
  }

  #words(command: string, args: readonly string[]): string[] {
    return ["pcp", command, ...this.#target, ...args];
  }
}
