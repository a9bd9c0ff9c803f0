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

export interface RunOptions {
  /** Standard input; none by default. */
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** Runs pgpool from its sources under a name, as a link of that name would. */
export async function runAs(
  name: string,
  args: readonly string[],
  { input, env, cwd }: RunOptions = {},
): Promise<Outcome> {
  const child = Bun.spawn([process.execPath, join(ROOT, "cmd/pgpool.ts"), ...args], {
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
 * Python has a pseudo-terminal where neither Bun nor the shell does.
 */
export async function runOnTerminal(
  name: string,
  args: readonly string[],
  dialogue: readonly (readonly [prompt: string, typed: string])[],
  env: Readonly<Record<string, string>> = {},
): Promise<TerminalOutcome> {
  const command = [name, join(ROOT, "cmd/pgpool.ts"), ...args];
  const child = Bun.spawn(["python3", "-c", TERMINAL, process.execPath], {
    stdio: [new Blob([JSON.stringify({ command, dialogue })]), "pipe", "inherit"],
    env: { ...process.env, ...env },
  });
  const forget = onCleanUp(() => child.kill("SIGKILL"));
  const output = await within(new Response(child.stdout).text(), { what: `${name} to end` });
  forget();
  const [status = "", ...screen] = output.split("\n");
  return { status: Number(status), screen: screen.join("\n").replaceAll("\r\n", "\n") };
}

/** Whether there is what `runOnTerminal` needs. */
export const hasTerminals = Bun.which("python3") !== null;

const TERMINAL = `
import json, os, pty, sys
task = json.load(sys.stdin)
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], task["command"])
screen, seen = b"", 0
dialogue = list(task["dialogue"])
while True:
    try:
        data = os.read(fd, 4096)
    except OSError:
        break
    if not data:
        break
    screen += data
    if dialogue:
        at = screen.find(dialogue[0][0].encode(), seen)
        if at >= 0:
            seen = at + len(dialogue[0][0])
            os.write(fd, dialogue.pop(0)[1].encode())
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
sys.stdout.write(str(status) + "\\n" + screen.decode())
`;
