import { describe, expect, it } from "bun:test";
import {
  isMd5Password,
  md5Answer,
  md5Hex,
  md5Password,
  verifyMd5Answer,
} from "../../lib/auth/md5.ts";

describe("md5 passwords", () => {
  it("are what pg_md5 and PostgreSQL store", () => {
    expect(md5Hex("secret")).toBe("5ebe2294ecd0e0f08eab7690d2a6ee69");
    expect(md5Password("secret", "alice")).toBe("md54a0a68b43b6cd5cf266fa02f196e2371");
  });

  it("answer a salted challenge that only the same hash passes", () => {
    const salt = Buffer.from("01020304", "hex");
    const hash = md5Password("secret", "alice");
    const answer = md5Answer(hash, salt);
    expect(answer).toMatch(/^md5[0-9a-f]{32}$/);
    expect(verifyMd5Answer(answer, hash, salt)).toBe(true);
    expect(verifyMd5Answer(answer, hash, Buffer.from("01020305", "hex"))).toBe(false);
    expect(verifyMd5Answer(hash, hash, salt)).toBe(false);
    expect(verifyMd5Answer("", hash, salt)).toBe(false);
  });

  it("are told from plain texts that begin with md5", () => {
    expect(isMd5Password("md54a0a68b43b6cd5cf266fa02f196e2371")).toBe(true);
    expect(isMd5Password("md54a0a68b43b6cd5cf266fa02f196e237")).toBe(false);
    expect(isMd5Password("md5hello")).toBe(false);
  });
});
