import { describe, expect, it } from "bun:test";
import { parseOptions, UsageError } from "../../scripts/demo/options.ts";
import { formatTable } from "../../scripts/demo/table.ts";

describe("options of scripts/run", () => {
  it("default to one standby in ./demo on a port still to choose", () => {
    expect(parseOptions([])).toEqual({
      port: null,
      standbys: 1,
      dir: "demo",
      fresh: false,
      exec: null,
      failoverDemo: false,
      help: false,
    });
  });

  it("take values as the next argument or after an equals sign", () => {
    const args = ["--port", "7000", "--standbys=0", "--dir=/tmp/x", "--fresh", "--exec", "a=b --c"];
    expect(parseOptions(args)).toEqual({
      port: 7000,
      standbys: 0,
      dir: "/tmp/x",
      fresh: true,
      exec: "a=b --c",
      failoverDemo: false,
      help: false,
    });
  });

  it("show a failover only where there is a standby to promote", () => {
    expect(parseOptions(["--failover-demo"]).failoverDemo).toBe(true);
    expect(() => parseOptions(["--failover-demo", "--standbys", "0"])).toThrow(UsageError);
    expect(() => parseOptions(["--failover-demo", "--exec", "true"])).toThrow(UsageError);
  });

  it("suggest the option that was meant", () => {
    expect(() => parseOptions(["--standby", "2"])).toThrow("did you mean --standbys?");
    expect(() => parseOptions(["-port", "2"])).toThrow("did you mean --port?");
    expect(() => parseOptions(["--nothing-like-it"])).toThrow("try --help");
  });

  it("refuse values out of range and missing ones", () => {
    for (
      const args of [["--standbys", "9"], ["--port", "0"], ["--port", "x"], ["--exec"], ["--dir="]]
    ) {
      expect(() => parseOptions(args)).toThrow(UsageError);
    }
    expect(() => parseOptions(["--fresh=yes"])).toThrow("takes no value");
  });
});

describe("the demo's node table", () => {
  it("looks as psql prints it", () => {
    expect(formatTable([{ node_id: "0", role: "primary" }, { node_id: "1", role: "standby" }]))
      .toBe(
        " node_id |  role\n---------+---------\n 0       | primary\n 1       | standby\n(2 rows)\n",
      );
  });
});
