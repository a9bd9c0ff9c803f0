import { escapeField } from "../../lib/auth/password-file.ts";
import { EXIT } from "../exit-status.ts";
import { CommandFailure } from "../output.ts";
import { PasswordCommandError } from "../passwords/errors.ts";
import { SecretInput } from "../passwords/secret-input.ts";
import { lookUpPassword, type PasswordTarget, pcpPasswordFile } from "./password-file.ts";

/** When to ask for a password: -W, -w, or neither of them. */
export type PasswordPrompt = "always" | "never" | "when-missing";

/** A password, and the file that it comes from when nobody has typed it. */
export interface ChosenPassword {
  readonly password: string;
  readonly file: string | undefined;
}

/**
 * The password for a pool: asked for with -W, else from the password file, else asked for. Why the
 * file has none is told on standard error before somebody is asked.
 *
 * @throws {CommandFailure} when there is none and nobody can be asked.
 */
export async function choosePassword(
  target: PasswordTarget,
  prompt: PasswordPrompt,
): Promise<ChosenPassword> {
  const path = pcpPasswordFile(process.env);
  if (prompt !== "always") {
    const lookup = lookUpPassword(path, target);
    if (lookup.found) return { password: lookup.password, file: path };
    process.stderr.write(`WARNING: ${lookup.reason}\n`);
    if (prompt === "never" || !process.stdin.isTTY) throw noPassword(path, target);
  }
  const typed = await askForPassword();
  if (typed === undefined) throw noPassword(path, target);
  return { password: typed, file: undefined };
}

/** A line from the terminal, not shown; without one the first line of standard input. */
async function askForPassword(): Promise<string | undefined> {
  const input = new SecretInput();
  try {
    return await input.line("Password: ");
  } catch (cause) {
    if (!(cause instanceof PasswordCommandError)) throw cause;
    throw new CommandFailure("no-password", cause.message, cause.hint, EXIT.authentication, {
      cause,
    });
  } finally {
    input.close();
  }
}

function noPassword(path: string, { host, port, user }: PasswordTarget): CommandFailure {
  const fields = [host || "localhost", String(port), user].map(escapeField);
  return new CommandFailure(
    "no-password",
    `there is no password for user "${user}"`,
    `Put the line ${fields.join(":")}:PASSWORD into "${path}", with mode 0600, or name another ` +
      "file in PCPPASSFILE; on a terminal the password is asked for unless -w is given.",
    EXIT.authentication,
  );
}
