import { describe, expect, it } from "bun:test";
import { mostSimilar } from "../../lib/config/similar.ts";

describe("the name that somebody may have meant", () => {
  const names = ["serve", "stop", "status", "node-info", "node-count", "port"];

  it("is found behind slips of the keyboard", () => {
    expect(mostSimilar("srve", names)).toBe("serve");
    expect(mostSimilar("prot", names)).toBe("port");
    expect(mostSimilar("NODE_INF", names)).toBe("node-info");
    expect(mostSimilar("nodeinof", names)).toBe("node-info");
  });

  it("is the only one that begins so", () => {
    expect(mostSimilar("sta", names)).toBe("status");
    expect(mostSimilar("node-", names)).toBeUndefined();
  });

  it("is not there when nothing is near", () => {
    expect(mostSimilar("xyzzy", names)).toBeUndefined();
    expect(mostSimilar("", names)).toBeUndefined();
  });
});
