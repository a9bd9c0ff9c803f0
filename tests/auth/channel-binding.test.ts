import { describe, expect, it } from "bun:test";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { tlsServerEndPoint } from "../../lib/auth/channel-binding.ts";

const element = (tag: number, ...contents: (Buffer | number[])[]) => {
  const inner = Buffer.concat(contents.map((part) => Buffer.from(part)));
  const length = inner.length < 0x80
    ? [inner.length]
    : [0x82, inner.length >> 8, inner.length & 0xff];
  return Buffer.concat([Buffer.of(tag, ...length), inner]);
};
const oid = (hex: string) => element(0x06, Buffer.from(hex, "hex"));

/** A certificate as far as its signature algorithm matters. */
const certificate = (...algorithm: Buffer[]) =>
  element(0x30, element(0x30, Buffer.alloc(300)), element(0x30, ...algorithm), element(0x03, [0]));

const hashed = (hash: string, der: Buffer) => createHash(hash).update(der).digest();

describe("tls-server-end-point", () => {
  it.each([
    ["sha256WithRSA", "2a864886f70d01010b", "sha256"],
    ["sha1WithRSA", "2a864886f70d010105", "sha256"],
    ["sha512WithRSA", "2a864886f70d01010d", "sha512"],
    ["ecdsa-with-SHA384", "2a8648ce3d040303", "sha384"],
  ])("hashes a certificate signed by %s", (_name, hex, hash) => {
    const der = certificate(oid(hex));
    expect(tlsServerEndPoint(der)).toEqual(hashed(hash, der));
  });

  it("takes the hash of RSASSA-PSS from its parameters", () => {
    const pss = oid("2a864886f70d01010a");
    const sha384 = element(0xa0, element(0x30, oid("608648016503040202")));
    const der = certificate(pss, element(0x30, sha384));
    expect(tlsServerEndPoint(der)).toEqual(hashed("sha384", der));
    const plain = certificate(pss, element(0x30));
    expect(tlsServerEndPoint(plain)).toEqual(hashed("sha256", plain));
  });

  it("is not possible with Ed25519 or with what is no certificate", () => {
    expect(tlsServerEndPoint(certificate(oid("2b6570")))).toBeUndefined();
    fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      expect(tlsServerEndPoint(bytes)).toBeUndefined();
    }));
  });
});
