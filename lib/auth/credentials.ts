import { equalTexts, md5Password } from "./md5.ts";
import type { ScramLoginKeys } from "./scram-client.ts";
import { type ScramVerifier, verifierMatches } from "./scram-verifier.ts";

/** Draws bytes that nobody can predict; tests pass a fixed source. */
export type RandomBytes = (size: number) => Uint8Array;

/** An entry of pool_passwd, or a password parameter such as sr_check_password. */
export type StoredPassword =
  | { readonly kind: "plain"; readonly password: string }
  | { readonly kind: "md5"; readonly hash: string }
  | { readonly kind: "scram"; readonly verifier: ScramVerifier }
  /** An AES entry without a key, or one that the key does not open. */
  | { readonly kind: "aes-undecryptable"; readonly reason: "no-key" | "wrong-key" };

/** What is known about a client that may be used towards servers in its name. */
export type ServerCredentials =
  | { readonly kind: "none" }
  | { readonly kind: "password"; readonly password: string }
  | { readonly kind: "md5"; readonly hash: string }
  | ({ readonly kind: "scram" } & ScramLoginKeys);

/** How a server asks a client to prove who it is. */
export type ServerRequestKind = "password" | "md5" | "scram-sha-256";

/**
 * What a stored password alone can do towards servers. A SCRAM verifier can do nothing until a
 * client's login has revealed the ClientKey.
 */
export function credentialsFromStored(stored: StoredPassword | undefined): ServerCredentials {
  if (stored?.kind === "plain") return { kind: "password", password: stored.password };
  if (stored?.kind === "md5") return { kind: "md5", hash: stored.hash };
  return { kind: "none" };
}

/**
 * Credentials in the form clients are checked against: for a client that takes over a pooled
 * connection whose server asked for a password when it was opened (behaviour.md 4).
 */
export function storedFromCredentials(credentials: ServerCredentials): StoredPassword | undefined {
  switch (credentials.kind) {
    case "none":
      return undefined;
    case "password":
      return { kind: "plain", password: credentials.password };
    case "md5":
      return { kind: "md5", hash: credentials.hash };
    case "scram":
      return { kind: "scram", verifier: credentials };
  }
}

/** Whether the credentials can answer a server's request. */
export function canAnswer(credentials: ServerCredentials, asked: ServerRequestKind): boolean {
  switch (credentials.kind) {
    case "none":
      return false;
    case "password":
      return true;
    case "md5":
      return asked === "md5";
    case "scram":
      return asked === "scram-sha-256";
  }
}

/** Whether a clear-text password is the stored one. An empty password never is, as in PostgreSQL. */
export function passwordMatches(password: string, stored: StoredPassword, user: string): boolean {
  if (password === "") return false;
  switch (stored.kind) {
    case "plain":
      return equalTexts(password, stored.password);
    case "md5":
      return equalTexts(md5Password(password, user), stored.hash);
    case "scram":
      return verifierMatches(stored.verifier, password);
    case "aes-undecryptable":
      return false;
  }
}
