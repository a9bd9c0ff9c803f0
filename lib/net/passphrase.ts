import { TlsFileError } from "./errors.ts";

/** Free of anything that a shell would treat specially, as commands put quotes around it. */
const PROMPT = "Enter PEM pass phrase:";

/** How long a command that prints a passphrase may take, in milliseconds. */
const DEADLINE_MS = 30_000;

/** More than any passphrase: what a command prints beyond is not read. */
const MAX_LENGTH = 1024;

/**
 * Runs `ssl_passphrase_command` and gives the first line it prints. `%p` in the command becomes
 * the prompt, `%%` one percent sign (PostgreSQL documentation, ssl_passphrase_command).
 *
 * @throws {TlsFileError} when the command fails, prints nothing or takes too long.
 */
export async function passphraseFrom(
  command: string,
  keyFile: string,
  deadlineMs: number = DEADLINE_MS,
): Promise<string> {
  const text = command.replace(/%([%p])/g, (_, sign) => sign === "p" ? PROMPT : "%");
  const child = Bun.spawn(["/bin/sh", "-c", text], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
    timeout: deadlineMs,
    killSignal: "SIGKILL",
    maxBuffer: MAX_LENGTH,
  });
  const printed = await Promise.race([
    new Response(child.stdout).text(),
    child.exited.then(() => Bun.sleep(1000)).then(() => ""),
  ]);
  const status = await child.exited;
  if (status !== 0) {
    const how = child.signalCode === null ? `exit status ${status}` : `signal ${child.signalCode}`;
    throw new TlsFileError(keyFile, `command of ssl_passphrase_command failed: ${how}`);
  }
  const passphrase = printed.split(/\r?\n/, 1)[0] ?? "";
  if (passphrase === "") {
    throw new TlsFileError(keyFile, "command of ssl_passphrase_command printed no passphrase");
  }
  return passphrase;
}
