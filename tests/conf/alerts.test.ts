import { describe, expect, it } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { exposition } from "../../lib/admin/metrics/exposition.ts";
import { metricFamilies } from "../../lib/admin/metrics/families.ts";
import { STATISTICS } from "../admin/metrics/statistics.ts";
import { parseExposition, samplesOf } from "../support/exposition.ts";
import { ROOT } from "../support/programs.ts";

const RULES = join(ROOT, "conf/prometheus-alerts.yml");
const METRICS = exposition(metricFamilies(STATISTICS));

function promtool(args: readonly string[], input = "") {
  const { exitCode, stdout, stderr } = Bun.spawnSync(["promtool", ...args], {
    stdin: Buffer.from(input),
  });
  return { exitCode, text: `${stdout}${stderr}` };
}

describe("the sample alert rules", () => {
  it("name only metrics, labels and values that there are", () => {
    const families = parseExposition(METRICS);
    const rules = readFileSync(RULES, "utf8");
    const named = [...rules.matchAll(/\b(pgpool_[a-z_]+)(?:\{([a-z_]+)=(~?)"([^"]+)"\})?/g)];
    expect(named.length).toBeGreaterThan(15);
    const missing = named.filter(([, name = "", label, isPattern, value = ""]) => {
      if (label === undefined) return samplesOf(families, name).length === 0;
      const values = isPattern === "" ? [value] : value.split("|");
      return values.some((each) => samplesOf(families, name, { [label]: each }).length === 0);
    });
    expect(missing.map(([text]) => text)).toEqual([]);
  });

  describe.skipIf(Bun.which("promtool") === null)("as promtool sees them", () => {
    it("are sound, and fire when they should", () => {
      expect(promtool(["check", "rules", RULES])).toMatchObject({ exitCode: 0 });
      const play = join(ROOT, "tests/data/prometheus-alerts.test.yml");
      expect(promtool(["test", "rules", play])).toMatchObject({ exitCode: 0 });
    });

    it("go with metrics that keep to Prometheus' conventions", () => {
      expect(promtool(["check", "metrics"], METRICS)).toEqual({ exitCode: 0, text: "" });
    });
  });
});
