import { describe, expect, it } from "bun:test";
import { exposition } from "../../../lib/admin/metrics/exposition.ts";
import { metricFamilies } from "../../../lib/admin/metrics/families.ts";
import { parseExposition, samplesOf } from "../../support/exposition.ts";
import { STATISTICS } from "./statistics.ts";

const all = parseExposition(exposition(metricFamilies(STATISTICS)));

function value(name: string, labels: Record<string, string | number> = {}): number | undefined {
  const found = samplesOf(all, name, labels);
  return found.length === 1 ? found[0]?.value : undefined;
}

describe("the text that Prometheus reads", () => {
  it("escapes what labels may not hold", () => {
    const [info] = samplesOf(all, "pgpool_node_info", { node: 0 });
    expect(info?.labels["host"]).toBe('a "quoted" \\ host');
  });

  it("escapes help texts and writes values as they are", () => {
    const text = exposition([
      { name: "x", type: "gauge", help: "a\\b\nc", samples: [{ labels: {}, value: 1.5e30 }] },
      { name: "y", type: "gauge", help: "left out", samples: [] },
    ]);
    expect(text).toBe("# HELP x a\\\\b\\nc\n# TYPE x gauge\nx 1.5e+30\n");
  });

  it("gives buckets of a histogram with all below them", () => {
    const buckets = samplesOf(all, "pgpool_statement_duration_seconds_bucket", { node: 0 });
    expect(buckets.map((bucket) => [bucket.labels["le"], bucket.value])).toEqual([
      ["0.1", 2],
      ["1", 2],
      ["+Inf", 3],
    ]);
    expect(value("pgpool_statement_duration_seconds_count", { node: 0 })).toBe(3);
    expect(value("pgpool_statement_duration_seconds_sum", { node: 0 })).toBe(7.25);
  });

  it("is named after pgpool and tells of everything in words", () => {
    for (const { name, help } of all.values()) {
      expect(name).toMatch(/^pgpool_[a-z_]+$/);
      expect(help).toMatch(/^[A-Z1].*\.$/);
    }
  });
});

describe("the figures of nodes", () => {
  it("tell the status and the role by one series each that is 1", () => {
    const ones = (name: string, label: string) =>
      samplesOf(all, name, { node: 1 }).filter((sample) => sample.value === 1)
        .map(({ labels }) => labels[label]);
    expect(ones("pgpool_node_status", "status")).toEqual(["down"]);
    expect(ones("pgpool_node_role", "role")).toEqual(["standby"]);
    expect([0, 1, 2].map((node) => value("pgpool_node_up", { node }))).toEqual([1, 0, 1]);
  });

  it("tell a delay in the unit it is measured in, and none of a primary", () => {
    expect(value("pgpool_node_replication_delay_bytes", { node: 1 })).toBe(4096);
    expect(value("pgpool_node_replication_delay_seconds", { node: 2 })).toBe(1.5);
    expect(samplesOf(all, "pgpool_node_replication_delay_bytes", { node: 0 })).toEqual([]);
  });

  it("count statements by kind and errors by severity", () => {
    expect(value("pgpool_statements_total", { node: 0, kind: "delete" })).toBe(4);
    expect(value("pgpool_errors_total", { node: 0, severity: "panic" })).toBe(9);
  });

  it("tell of health checks only where there are any", () => {
    expect(value("pgpool_health_checks_total", { node: 0, result: "success" })).toBe(10);
    expect(value("pgpool_health_check_failures_total", { node: 0, reason: "not-ready" })).toBe(1);
    expect(samplesOf(all, "pgpool_health_checks_total", { node: 1 })).toEqual([]);
  });
});

describe("the figures of the pool", () => {
  it("tell of workers, their clients and connections", () => {
    expect(value("pgpool_worker_up", { worker: 1 })).toBe(1);
    expect(value("pgpool_worker_up", { worker: 2 })).toBe(0);
    expect(value("pgpool_waiting_clients", { worker: 1 })).toBe(3);
    expect(value("pgpool_sessions", { worker: 1, state: "idle_in_transaction" })).toBe(2);
    expect(value("pgpool_login_failures_total", { worker: 1, reason: "authentication" })).toBe(4);
    expect(value("pgpool_server_connections", { node: 0, state: "used" })).toBe(5);
    expect(value("pgpool_process_resident_memory_bytes", { process: "worker 1" })).toBe(1 << 20);
  });

  it("tell whether clients would be served", () => {
    expect(value("pgpool_ready")).toBe(1);
    const unready = exposition(metricFamilies({ ...STATISTICS, notReady: ["no"] }));
    expect(samplesOf(parseExposition(unready), "pgpool_ready")[0]?.value).toBe(0);
  });

  it("leave the query cache out while it is off", () => {
    const { queryCache: _, ...off } = STATISTICS;
    expect(value("pgpool_query_cache_lookups_total", { result: "hit" })).toBe(5);
    expect(exposition(metricFamilies(off))).not.toContain("query_cache");
  });
});
