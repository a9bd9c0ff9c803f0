import { describe, expect, it } from "bun:test";
import { mistakes } from "./mistakes.ts";
import { auditOf } from "./support.ts";

describe("the check of a configuration", () => {
  it("finds nothing in one that is sound", async () => {
    expect(await auditOf({})).toEqual([]);
  });

  it.each([...mistakes])("finds %s", async (_what, severity, code, files) => {
    const findings = await auditOf(files);
    expect(findings).toContainEqual(expect.objectContaining({ severity, code }));
    for (const { file, message } of findings) {
      expect(file).not.toBe("");
      expect(message).not.toBe("");
    }
  });

  it("tells file, line, and what to do", async () => {
    const [first] = await auditOf({ conf: "num_init_childern = 5" });
    expect(first?.file).toEndWith("/pgpool.conf");
    expect(first?.line).toBeGreaterThan(1);
    expect(first?.hint).toBe('Perhaps you meant "num_init_children".');
  });

  it.each([
    ["backend_clustering_mode = 'native_replication'", "warning", /clustering mode/],
    ["memory_cache_enabled = on", "note", /query cache/],
    ["disable_load_balance_on_write = dml_adaptive", "note", /dml_adaptive/],
    ["relcache_query_target = load_balance_node", "note", /catalog queries/],
    ["enable_shared_relcache = on", "note", /relation cache/],
  ])("lists what is not active yet: %s", async (conf, severity, message) => {
    const found = (await auditOf({ conf })).find(({ code }) => code === "not-active");
    expect<string | undefined>(found?.severity).toBe(severity);
    expect(found?.message).toMatch(message);
  });

  it("never tells a secret", async () => {
    const conf = "sr_check_password = 'very secret'\nwd_authkey = 'very secret";
    const findings = await auditOf({
      conf,
      passwd: "very secret\n",
      modes: { "pgpool.conf": 0o644 },
    });
    expect(findings.length).toBeGreaterThan(2);
    expect(JSON.stringify(findings)).not.toContain("very secret");
  });
});
