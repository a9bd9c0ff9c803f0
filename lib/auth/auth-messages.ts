import { Backend, Frontend } from "../wire/protocol.ts";
import { AuthError } from "./errors.ts";
import { MD5_SALT_LENGTH } from "./md5.ts";
import { decodePassword, encodePassword } from "./password-bytes.ts";

/** Kinds of AuthenticationRequest (PostgreSQL documentation, "Message Formats"). */
const AuthCode = {
  Ok: 0,
  CleartextPassword: 3,
  Md5Password: 5,
  Sasl: 10,
  SaslContinue: 11,
  SaslFinal: 12,
} as const;

/** Longest password message accepted from a client (PostgreSQL's PG_MAX_AUTH_TOKEN_LENGTH). */
export const MAX_PASSWORD_MESSAGE = 65535;

const HEADER_LENGTH = 5;

/** An AuthenticationRequest message. */
export type AuthRequest =
  | { readonly kind: "ok" }
  | { readonly kind: "password" }
  | { readonly kind: "md5"; readonly salt: Buffer }
  | { readonly kind: "sasl"; readonly mechanisms: readonly string[] }
  | { readonly kind: "sasl-continue"; readonly data: Buffer }
  | { readonly kind: "sasl-final"; readonly data: Buffer }
  /** GSSAPI, SSPI, Kerberos and whatever else. */
  | { readonly kind: "unsupported"; readonly code: number };

/** AuthenticationOk */
export function authenticationOk(): Buffer {
  return authentication(AuthCode.Ok);
}

/** AuthenticationCleartextPassword */
export function authenticationCleartext(): Buffer {
  return authentication(AuthCode.CleartextPassword);
}

/** AuthenticationMD5Password */
export function authenticationMd5(salt: Uint8Array): Buffer {
  return authentication(AuthCode.Md5Password, salt);
}

/** AuthenticationSASL with the mechanisms offered, the preferred one first. */
export function authenticationSasl(mechanisms: readonly string[]): Buffer {
  const names = mechanisms.map((name) => `${name}\0`).join("");
  return authentication(AuthCode.Sasl, Buffer.from(`${names}\0`, "latin1"));
}

/** AuthenticationSASLContinue */
export function authenticationSaslContinue(data: Uint8Array): Buffer {
  return authentication(AuthCode.SaslContinue, data);
}

/** AuthenticationSASLFinal */
export function authenticationSaslFinal(data: Uint8Array): Buffer {
  return authentication(AuthCode.SaslFinal, data);
}

/** PasswordMessage */
export function passwordMessage(password: string): Buffer {
  return message(Frontend.Password, Buffer.concat([encodePassword(password), Buffer.of(0)]));
}

/** SASLInitialResponse */
export function saslInitialResponse(mechanism: string, data: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(data.length);
  const name = Buffer.from(`${mechanism}\0`, "latin1");
  return message(Frontend.Password, Buffer.concat([name, length, data]));
}

/** SASLResponse */
export function saslResponse(data: Uint8Array): Buffer {
  return message(Frontend.Password, data);
}

/**
 * Reads the body of an AuthenticationRequest (`R`), without its 5-byte header.
 * @throws AuthError when it is malformed
 */
export function readAuthRequest(body: Uint8Array): AuthRequest {
  const bytes = Buffer.from(body);
  if (bytes.length < 4) throw new AuthError("malformed authentication request");
  const code = bytes.readInt32BE(0);
  const data = bytes.subarray(4);
  switch (code) {
    case AuthCode.Ok:
      return { kind: "ok" };
    case AuthCode.CleartextPassword:
      return { kind: "password" };
    case AuthCode.Md5Password:
      if (data.length !== MD5_SALT_LENGTH) throw new AuthError("malformed md5 request");
      return { kind: "md5", salt: data };
    case AuthCode.Sasl:
      return { kind: "sasl", mechanisms: readMechanisms(data) };
    case AuthCode.SaslContinue:
      return { kind: "sasl-continue", data };
    case AuthCode.SaslFinal:
      return { kind: "sasl-final", data };
    default:
      return { kind: "unsupported", code };
  }
}

/**
 * The password in a PasswordMessage's body.
 * @throws AuthError unless it is one string that ends with the only zero byte
 */
export function readPassword(body: Uint8Array): string {
  if (body.length > MAX_PASSWORD_MESSAGE) throw new AuthError("password is too long");
  if (body.length === 0 || body.indexOf(0) !== body.length - 1) {
    throw new AuthError("invalid password packet size");
  }
  return decodePassword(body.subarray(0, -1));
}

/**
 * The body of a SASLInitialResponse; `data` is undefined when the client sent none.
 * @throws AuthError when it is malformed
 */
export function readSaslInitialResponse(
  body: Uint8Array,
): { mechanism: string; data: Buffer | undefined } {
  const bytes = Buffer.from(body);
  const nameEnd = bytes.indexOf(0);
  if (nameEnd === -1 || bytes.length < nameEnd + 5) {
    throw new AuthError("malformed SASL initial response");
  }
  const mechanism = bytes.toString("latin1", 0, nameEnd);
  const length = bytes.readInt32BE(nameEnd + 1);
  const data = bytes.subarray(nameEnd + 5);
  if (length === -1 && data.length === 0) return { mechanism, data: undefined };
  if (length !== data.length) throw new AuthError("malformed SASL initial response");
  return { mechanism, data };
}

function readMechanisms(data: Buffer): string[] {
  if (data.at(-1) !== 0) throw new AuthError("malformed list of SASL mechanisms");
  const names = data.toString("latin1").split("\0");
  const end = names.indexOf("");
  return names.slice(0, end);
}

function authentication(code: number, data: Uint8Array = new Uint8Array()): Buffer {
  const prefix = Buffer.alloc(4);
  prefix.writeInt32BE(code);
  return message(Backend.Authentication, Buffer.concat([prefix, data]));
}

function message(type: number, body: Uint8Array): Buffer {
  const bytes = Buffer.alloc(HEADER_LENGTH + body.length);
  bytes.writeUInt8(type, 0);
  bytes.writeUInt32BE(body.length + 4, 1);
  bytes.set(body, HEADER_LENGTH);
  return bytes;
}
