import { readFileSync } from "node:fs";
import { ScramError } from "../auth/errors.ts";
import { decodePassword } from "../auth/password-bytes.ts";
import { looksLikeVerifier, parseVerifier, type ScramVerifier } from "../auth/scram.ts";

/** Longest user name and longest md5 hash in pcp.conf, in characters (pcp-protocol.md 2). */
const FIELD_LIMIT = 128;

/** What pcp.conf holds of a password: its md5 as pg_md5 prints it, or a SCRAM verifier. */
export type PcpSecret =
  | { readonly kind: "md5"; readonly hash: string }
  | { readonly kind: "scram"; readonly verifier: ScramVerifier };

/** pcp.conf can not be read. */
export class PcpUsersError extends Error {
  override readonly name = "PcpUsersError";

  constructor(file: string, cause: unknown) {
    super(`could not open ${file}. reason: ${reasonOf(cause)}`, { cause });
  }
}

/** A line of pcp.conf that nobody can log in by. */
export interface PcpLineProblem {
  /** 1-based. */
  readonly line: number;
  /** Without the secret. */
  readonly message: string;
}

/**
 * The users of pcp.conf: lines `user:md5` or `user:SCRAM-SHA-256$…`; empty lines and those that
 * begin with # are skipped. A user may have several lines, as while a password is being changed.
 */
export class PcpUsers {
  readonly #secrets: ReadonlyMap<string, readonly PcpSecret[]>;
  readonly problems: readonly PcpLineProblem[];
  /** Whether anybody has a SCRAM verifier. */
  readonly hasVerifiers: boolean;

  private constructor(
    secrets: ReadonlyMap<string, readonly PcpSecret[]>,
    problems: readonly PcpLineProblem[],
  ) {
    this.#secrets = secrets;
    this.problems = problems;
    this.hasVerifiers = [...secrets.values()].flat().some(({ kind }) => kind === "scram");
  }

  static parse(text: string): PcpUsers {
    const secrets = new Map<string, PcpSecret[]>();
    const problems: PcpLineProblem[] = [];
    text.split("\n").forEach((line, index) => {
      const content = line.trim();
      if (content === "" || content.startsWith("#")) return;
      const colon = content.indexOf(":");
      const user = content.slice(0, Math.max(0, colon));
      const secret = parseSecret(content.slice(colon + 1));
      if (user === "" || user.length > FIELD_LIMIT) {
        problems.push({ line: index + 1, message: "the line is not user:hash" });
      } else if (secret === undefined) {
        const message = `the password of "${user}" is no md5 hash and no SCRAM verifier`;
        problems.push({ line: index + 1, message });
      } else {
        secrets.set(user, [...secrets.get(user) ?? [], secret]);
      }
    });
    return new PcpUsers(secrets, problems);
  }

  /**
   * Reads the file; pcp.conf is read anew for every login.
   *
   * @throws {PcpUsersError}
   */
  static load(file: string): PcpUsers {
    try {
      return PcpUsers.parse(decodePassword(readFileSync(file)));
    } catch (cause) {
      throw new PcpUsersError(file, cause);
    }
  }

  /** Everything the file holds of a user's passwords, in its order; empty for an unknown user. */
  secrets(user: string): readonly PcpSecret[] {
    return this.#secrets.get(user) ?? [];
  }

  /** The verifier a SASL exchange with this user is run by: the first one. */
  verifier(user: string): ScramVerifier | undefined {
    for (const secret of this.secrets(user)) {
      if (secret.kind === "scram") return secret.verifier;
    }
    return undefined;
  }

  /** All md5 hashes of a user. */
  hashes(user: string): string[] {
    return this.secrets(user).flatMap((secret) => secret.kind === "md5" ? [secret.hash] : []);
  }
}

function parseSecret(text: string): PcpSecret | undefined {
  if (/^[0-9a-f]{32}$/.test(text)) return { kind: "md5", hash: text };
  if (!looksLikeVerifier(text)) return undefined;
  try {
    // Lines for pool_passwd (`pgpool passwd scram`) have their colons escaped.
    return { kind: "scram", verifier: parseVerifier(text.replaceAll("\\:", ":")) };
  } catch (error) {
    if (error instanceof ScramError) return undefined;
    throw error;
  }
}

/** The runtime's "ENOENT: no such file or directory, open …" in the words of the system. */
function reasonOf(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause);
  const [, reason = text] = /^[A-Z]+: ([^,]+)/.exec(text) ?? [];
  return reason.charAt(0).toUpperCase() + reason.slice(1);
}
