import { describe, expect, it } from "bun:test";
import { ServerParameters } from "../../lib/pool/server-parameters.ts";

const REPORTED = [["TimeZone", "UTC"], ["search_path", "public"]] as const;

function reported(): ServerParameters {
  return new ServerParameters(new Map(REPORTED));
}

describe("the parameters that a server has reported", () => {
  it("are those of one connection, whatever others are told", () => {
    const [one, other] = [reported(), reported()];
    one.set("TimeZone", "Asia/Tokyo");
    one.set("application_name", "x");
    expect([...one]).toEqual([
      ["TimeZone", "Asia/Tokyo"],
      ["search_path", "public"],
      ["application_name", "x"],
    ]);
    expect([...other]).toEqual(REPORTED.map((each) => [...each]));
    expect(other.get("application_name")).toBeUndefined();
  });

  it("go back to what they were", () => {
    const one = reported();
    one.set("TimeZone", "Asia/Tokyo");
    one.set("TimeZone", "UTC");
    expect([...one]).toEqual([...reported()]);
  });

  it("take little memory where many connections are told the same", () => {
    const strings = () => {
      Bun.gc(true);
      return process.memoryUsage().heapUsed;
    };
    const values = () => new Map(Array.from({ length: 15 }, (_, i) => [`name${i}`, `value${i}`]));
    const before = strings();
    const many = Array.from({ length: 20_000 }, () => new ServerParameters(values()));
    const each = (strings() - before) / many.length;
    expect(many.at(-1)?.get("name14")).toBe("value14");
    expect(each).toBeLessThan(200);
  });

  it("are told apart however many different ones there are", () => {
    const many = Array.from(
      { length: 3000 },
      (_, i) => new ServerParameters(new Map([["n", `${i}`]])),
    );
    expect(many.map((each) => Number(each.get("n")))).toEqual(many.map((_, i) => i));
  });
});
