import { describe, expect, it } from "bun:test";
import fc from "fast-check";
import { decryptAes, encryptAes } from "../../lib/auth/aes.ts";
import { AuthError } from "../../lib/auth/errors.ts";

describe("AES passwords", () => {
  it("are what pg_enc writes", () => {
    expect(encryptAes("hello", "mykey")).toBe("/0vk2BLdRvSVJOvreHcE8g==");
    expect(encryptAes("b", "mykey")).toBe("xdyHUu0YiJqRTM2UDQPDCA==");
    expect(decryptAes("/0vk2BLdRvSVJOvreHcE8g==", "mykey")).toBe("hello");
  });

  it("come back with the key they were made with", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ minLength: 1 }), (text, key) => {
        expect(decryptAes(encryptAes(text, key), key)).toBe(text);
      }),
    );
  });

  it("fail with an AuthError on a wrong key or broken text", () => {
    expect(() => decryptAes("/0vk2BLdRvSVJOvreHcE8g==", "other")).toThrow(AuthError);
    expect(() => decryptAes("aGVsbG8=", "mykey")).toThrow(AuthError);
    expect(() => decryptAes("", "mykey")).toThrow(AuthError);
  });
});
