import { join } from "node:path";
import { onCleanUp } from "../support/clean-up.ts";
import { ROOT } from "../support/programs.ts";
import { within } from "../support/wait.ts";

/** What a program that has ended leaves behind. */
export interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What to run. */
export interface ProgramOptions {
  /** A compiled pgpool; by default it is run from its sources. */
  readonly binary?: string;
}

export interface RunOptions extends ProgramOptions {
  /** Standard input; none by default. */
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** Runs pgpool under a name, as a link of that name would. */
export async function runAs(
  name: string,
  args: readonly string[],
  { input, env, cwd, binary }: RunOptions = {},
): Promise<Outcome> {
  const child = Bun.spawn([...program(binary), ...args], {
    argv0: name,
    stdio: [input === undefined ? "ignore" : new Blob([input]), "pipe", "pipe"],
    env: { ...process.env, ...env },
    timeout: 20_000,
    killSignal: "SIGKILL",
    ...(cwd === undefined ? {} : { cwd }),
  });
  const [stdout, stderr, status] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { status, stdout, stderr };
}

/** What came of a run on a terminal. */
export interface TerminalOutcome {
  readonly status: number;
  /** Everything that stood on the terminal, with line ends as they are in files. */
  readonly screen: string;
}

/**
 * Runs pgpool under a name on a pseudo-terminal, and types a line each time a prompt comes up.
 */
export async function runOnTerminal(
  name: string,
  args: readonly string[],
  dialogue: readonly (readonly [prompt: string, typed: string])[],
  env: Readonly<Record<string, string>> = {},
  { binary }: ProgramOptions = {},
): Promise<TerminalOutcome> {
  let screen = "";
  let seen = 0;
  const waiting = [...dialogue];
  const decoder = new TextDecoder();
  const child = Bun.spawn([...program(binary), ...args], {
    argv0: name,
    env: { ...process.env, ...env },
    terminal: {
      data(terminal, bytes) {
        screen += decoder.decode(bytes, { stream: true });
        const [prompt, typed] = waiting[0] ?? [];
        if (prompt === undefined || typed === undefined) return;
        const at = screen.indexOf(prompt, seen);
        if (at === -1) return;
        seen = at + prompt.length;
        waiting.shift();
        terminal.write(typed);
      },
    },
  });
  const forget = onCleanUp(() => child.kill("SIGKILL"));
  const status = await within(child.exited, { what: `${name} to end` });
  forget();
  child.terminal?.close();
  return { status, screen: screen.replaceAll("\r\n", "\n") };
}

function program(binary: string | undefined): string[] {
  return binary === undefined ? [process.execPath, join(ROOT, "cmd/pgpool.ts")] : [binary];
}
