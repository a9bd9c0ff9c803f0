import { createHash } from "node:crypto";

/**
 * Hash of certificates by the object identifier of their signature algorithm. RFC 5929 section
 * 4.1 replaces MD5 and SHA-1 by SHA-256.
 */
const HASH_BY_SIGNATURE = new Map([
  ["1.2.840.113549.1.1.4", "sha256"], // md5WithRSA
  ["1.2.840.113549.1.1.5", "sha256"], // sha1WithRSA
  ["1.2.840.113549.1.1.11", "sha256"],
  ["1.2.840.113549.1.1.12", "sha384"],
  ["1.2.840.113549.1.1.13", "sha512"],
  ["1.2.840.113549.1.1.14", "sha224"],
  ["1.2.840.10045.4.1", "sha256"], // ecdsaWithSHA1
  ["1.2.840.10045.4.3.1", "sha224"],
  ["1.2.840.10045.4.3.2", "sha256"],
  ["1.2.840.10045.4.3.3", "sha384"],
  ["1.2.840.10045.4.3.4", "sha512"],
  ["1.2.840.10040.4.3", "sha256"], // dsaWithSHA1
  ["2.16.840.1.101.3.4.3.1", "sha224"], // dsaWithSHA224
  ["2.16.840.1.101.3.4.3.2", "sha256"], // dsaWithSHA256
]);
const RSA_PSS = "1.2.840.113549.1.1.10";
const HASH_BY_DIGEST = new Map([
  ["1.3.14.3.2.26", "sha256"], // SHA-1
  ["2.16.840.1.101.3.4.2.1", "sha256"],
  ["2.16.840.1.101.3.4.2.2", "sha384"],
  ["2.16.840.1.101.3.4.2.3", "sha512"],
  ["2.16.840.1.101.3.4.2.4", "sha224"],
]);

/**
 * The channel binding data tls-server-end-point (RFC 5929 section 4) of a server certificate.
 * @param der the certificate in DER form
 * @returns undefined when the certificate's signature algorithm has no hash of its own (Ed25519)
 *   or cannot be read: channel binding is not possible then
 */
export function tlsServerEndPoint(der: Uint8Array): Buffer | undefined {
  const certificate = readElement(der, 0);
  const body = certificate && readElement(der, certificate.start);
  const algorithm = body && readElement(der, body.end);
  const identifier = algorithm && readElement(der, algorithm.start);
  if (!algorithm || !identifier) return undefined;
  const oid = objectIdentifier(der, identifier);
  const hash = oid === RSA_PSS
    ? pssHash(der, identifier.end, algorithm.end)
    : HASH_BY_SIGNATURE.get(oid);
  return hash === undefined ? undefined : createHash(hash).update(der).digest();
}

interface Element {
  readonly tag: number;
  /** Range of the contents in the whole. */
  readonly start: number;
  readonly end: number;
}

/** One DER element at `offset`; undefined when it does not fit. */
function readElement(der: Uint8Array, offset: number): Element | undefined {
  const tag = der[offset];
  const first = der[offset + 1];
  if (tag === undefined || first === undefined) return undefined;
  let start = offset + 2;
  let length = first;
  if (first >= 0x80) {
    const count = first & 0x7f;
    if (count === 0 || count > 4) return undefined;
    length = 0;
    for (let i = 0; i < count; i++) length = length * 256 + (der[start + i] ?? 0);
    start += count;
  }
  return start + length > der.length ? undefined : { tag, start, end: start + length };
}

/** Dotted form of an OBJECT IDENTIFIER; empty for anything else. */
function objectIdentifier(der: Uint8Array, element: Element): string {
  if (element.tag !== 0x06) return "";
  const arcs: number[] = [];
  let value = 0;
  for (const byte of der.subarray(element.start, element.end)) {
    value = value * 128 + (byte & 0x7f);
    if (byte & 0x80) continue;
    if (arcs.length === 0) {
      const root = Math.min(Math.floor(value / 40), 2);
      arcs.push(root, value - root * 40);
    } else {
      arcs.push(value);
    }
    value = 0;
  }
  return arcs.join(".");
}

/** RSASSA-PSS-params (RFC 4055): the hash stands in [0], SHA-1 when absent. */
function pssHash(der: Uint8Array, start: number, end: number): string | undefined {
  const params = start < end ? readElement(der, start) : undefined;
  const field = params && params.start < params.end ? readElement(der, params.start) : undefined;
  if (field?.tag !== 0xa0) return "sha256";
  const algorithm = readElement(der, field.start);
  const identifier = algorithm && readElement(der, algorithm.start);
  return identifier && HASH_BY_DIGEST.get(objectIdentifier(der, identifier));
}
