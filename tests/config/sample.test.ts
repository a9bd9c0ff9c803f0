import { describe, expect, it } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { findParameter, parameterNames } from "../../lib/config/parameters.ts";
import { generateSample } from "../../lib/config/sample.ts";
import { load } from "./support.ts";

const sample = generateSample();

describe("the sample configuration", () => {
  it("is the one in conf/; write generateSample() there when the table changes", () => {
    const path = join(import.meta.dir, "../../conf/pgpool.conf.sample");
    expect(readFileSync(path, "utf8")).toBe(sample);
  });

  it("can be used as it is", () => {
    expect(load(sample).problems).toEqual([]);
  });

  it("lists every parameter with a value that is accepted", () => {
    const { config, problems } = load(sample.replace(/^#(?=[a-z_0-9]+ = )/gm, ""));
    const listed = parameterNames.filter((name) => !findParameter(name)?.unlisted);
    const missing = listed.filter((name) =>
      !config.sources.has(name) && !config.sources.has(`${name}0`)
    );
    expect(problems).toEqual([]);
    expect(missing).toEqual([]);
  });

  it("shows defaults, so that removing every # changes next to nothing", () => {
    const { config } = load(sample.replace(/^#(?=[a-z_0-9]+ = )/gm, ""));
    const defaults = load("").config.values;
    const different = Object.entries(defaults)
      .filter(([name, value]) =>
        JSON.stringify(new Map(Object.entries(config.values)).get(name)) !== JSON.stringify(value)
      )
      .map(([name]) => name);
    expect(different.sort()).toEqual([
      "health_check_database",
      "metrics_port",
      "ssl_cert",
      "ssl_key",
      "wd_listen_port",
    ]);
  });
});
