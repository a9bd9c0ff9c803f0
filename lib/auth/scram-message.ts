import { ScramError } from "./errors.ts";
import { decodeBase64, parseIterations } from "./scram-verifier.ts";

/** Longest SCRAM message accepted from either side (PostgreSQL's limit for clients). */
const MAX_SCRAM_MESSAGE = 1024;

export const SCRAM_SHA_256 = "SCRAM-SHA-256";
export const SCRAM_SHA_256_PLUS = "SCRAM-SHA-256-PLUS";

/** Channel binding flag of the GS2 header: not supported, supported but not offered, used. */
export type ChannelBindingFlag = "n" | "y" | "p";

/** client-first-message; texts are latin1, one character a byte, so that none gets lost. */
export interface ClientFirst {
  readonly gs2Header: string;
  readonly flag: ChannelBindingFlag;
  readonly bare: string;
  readonly nonce: string;
}

/** server-first-message */
export interface ServerFirst {
  readonly nonce: string;
  readonly salt: Buffer;
  readonly iterations: number;
}

/** client-final-message */
export interface ClientFinal {
  readonly withoutProof: string;
  readonly channelBinding: string;
  readonly nonce: string;
  readonly proof: Buffer;
}

const GS2_HEADER = /^(n|y|p=[A-Za-z0-9.-]+),(a=[^,]*)?,/;
const NONCE = /^[\x21-\x2b\x2d-\x7e]+$/;
const ATTRIBUTE = /^([A-Za-z])=([^\0]*)$/;

/** The message as latin1 text. */
export function messageText(message: Uint8Array): string {
  if (message.length > MAX_SCRAM_MESSAGE) throw malformed("SCRAM message is too long");
  const text = Buffer.from(message).toString("latin1");
  if (text === "" || text.includes("\0")) throw malformed("malformed SCRAM message");
  return text;
}

/** A message made here, as bytes. */
export function messageBytes(text: string): Buffer {
  return Buffer.from(text, "latin1");
}

/**
 * RFC 5802 section 7, client-first-message. As in PostgreSQL the user name is ignored (the
 * startup packet has it), optional extensions are skipped, and authorization identities,
 * mandatory extensions and other channel binding types are refused.
 */
export function parseClientFirst(message: Uint8Array): ClientFirst {
  const text = messageText(message);
  const header = GS2_HEADER.exec(text);
  if (header === null) throw malformed("malformed SCRAM message: GS2 header");
  const [gs2Header, binding = "", identity] = header;
  if (identity !== undefined) {
    throw malformed("client uses authorization identity, but it is not supported");
  }
  if (binding.startsWith("p") && binding !== "p=tls-server-end-point") {
    throw new ScramError("channel-binding", "unsupported SCRAM channel-binding type");
  }
  const bare = text.slice(gs2Header.length);
  const attributes = splitAttributes(bare);
  expectAttribute(attributes, "n");
  const nonce = parseNonce(expectAttribute(attributes, "r"));
  skipExtensions(attributes);
  const flag: ChannelBindingFlag = binding === "n" || binding === "y" ? binding : "p";
  return { gs2Header, flag, bare, nonce };
}

/** RFC 5802 section 7, server-first-message; as in libpq nothing may follow the iteration count. */
export function parseServerFirst(text: string): ServerFirst {
  const attributes = splitAttributes(text);
  const nonce = parseNonce(expectAttribute(attributes, "r"));
  const salt = decodeBase64(expectAttribute(attributes, "s"), MAX_SCRAM_MESSAGE);
  const iterations = parseIterations(expectAttribute(attributes, "i"));
  expectEnd(attributes);
  return { nonce, salt, iterations };
}

/** RFC 5802 section 7, client-final-message; the proof comes last. */
export function parseClientFinal(message: Uint8Array, proofLength: number): ClientFinal {
  const text = messageText(message);
  const attributes = splitAttributes(text);
  const channelBinding = expectAttribute(attributes, "c");
  const nonce = parseNonce(expectAttribute(attributes, "r"));
  const last = attributes.pop();
  if (last?.name !== "p") throw malformed("malformed SCRAM message: no proof at the end");
  skipExtensions(attributes);
  const proof = decodeBase64(last.value, proofLength);
  if (proof.length !== proofLength) throw malformed("malformed SCRAM message: proof");
  return { withoutProof: text.slice(0, text.lastIndexOf(",p=")), channelBinding, nonce, proof };
}

/** RFC 5802 section 7, server-final-message: the signature, or the server's complaint. */
export function parseServerFinal(message: Uint8Array, signatureLength: number): Buffer {
  const attributes = splitAttributes(messageText(message));
  if (attributes[0]?.name === "e") {
    throw new ScramError("mismatch", "the server reported an error in the SCRAM exchange");
  }
  const signature = decodeBase64(expectAttribute(attributes, "v"), signatureLength);
  if (signature.length !== signatureLength) throw malformed("malformed SCRAM server signature");
  expectEnd(attributes);
  return signature;
}

interface Attribute {
  readonly name: string;
  readonly value: string;
}

function splitAttributes(text: string): Attribute[] {
  return text.split(",").map((part) => {
    const match = ATTRIBUTE.exec(part);
    if (match === null) throw malformed("malformed SCRAM message: attribute expected");
    const [, name = "", value = ""] = match;
    return { name, value };
  });
}

function expectAttribute(attributes: Attribute[], name: string): string {
  const attribute = attributes.shift();
  if (attribute?.name === "m") throw malformed("client requires an unsupported SCRAM extension");
  if (attribute?.name !== name) {
    throw malformed(`malformed SCRAM message: attribute "${name}" expected`);
  }
  return attribute.value;
}

/** Optional extensions have names that RFC 5802 leaves free. */
function skipExtensions(attributes: readonly Attribute[]): void {
  if (attributes.some(({ name }) => "amnrcpsive".includes(name))) {
    throw malformed("malformed SCRAM message: repeated or misplaced attribute");
  }
}

function expectEnd(attributes: readonly Attribute[]): void {
  if (attributes.length > 0) throw malformed("malformed SCRAM message: garbage at the end");
}

function parseNonce(value: string): string {
  if (!NONCE.test(value)) throw malformed("malformed SCRAM message: nonce");
  return value;
}

function malformed(message: string): ScramError {
  return new ScramError("malformed", message);
}
