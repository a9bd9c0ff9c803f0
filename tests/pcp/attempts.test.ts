import { describe, expect, it } from "bun:test";
import { FailedAttempts } from "../../lib/pcp/attempts.ts";

describe("wrong PCP passwords", () => {
  it("are answered more and more slowly, up to 8 seconds", () => {
    const attempts = new FailedAttempts(() => 0);
    const pauses = Array.from({ length: 10 }, () => {
      const pause = attempts.failed("192.0.2.1");
      attempts.answered("192.0.2.1");
      return pause;
    });
    expect(pauses).toEqual([0, 0, 0, 500, 1000, 2000, 4000, 8000, 8000, 8000]);
  });

  it("of one address do not slow down another", () => {
    const attempts = new FailedAttempts(() => 0);
    for (let count = 0; count < 20; count++) attempts.failed("192.0.2.1");
    expect(attempts.mayTry("192.0.2.1")).toBe(false);
    expect(attempts.mayTry("192.0.2.2")).toBe(true);
    expect(attempts.failed("192.0.2.2")).toBe(0);
  });

  it("of one IPv6 network count together: nobody has but one address there", () => {
    const attempts = new FailedAttempts(() => 0);
    for (let count = 0; count < 10; count++) attempts.failed(`2001:db8::${count}`);
    expect(attempts.mayTry("2001:db8::ffff")).toBe(false);
    expect(attempts.mayTry("2001:db8:0:1::1")).toBe(true);
  });

  it("leave room for the right one as soon as answers are out", () => {
    const attempts = new FailedAttempts(() => 0);
    for (let count = 0; count < 7; count++) attempts.failed("::1");
    expect(attempts.mayTry("::1")).toBe(false);
    attempts.answered("::1");
    expect(attempts.mayTry("::1")).toBe(true);
  });

  it("are forgotten after ten minutes", () => {
    let now = 0;
    const attempts = new FailedAttempts(() => now);
    for (let count = 0; count < 5; count++) attempts.failed("::1");
    now = 600_000;
    expect(attempts.failed("::1")).toBe(0);
  });

  it("of many addresses cost a bounded memory: the oldest is forgotten", () => {
    const attempts = new FailedAttempts(() => 0);
    for (let count = 0; count < 4; count++) attempts.failed("first");
    for (let address = 0; address < 1000; address++) attempts.failed(String(address));
    expect(attempts.failed("first")).toBe(0);
  });
});
