import type { Config } from "../config.ts";
import { about } from "./finding.ts";
import type { Finding, Severity } from "./finding.ts";

/** What is wrong about ports, numbers of clients, authentication, the cache and logs. */
export function checkPool(config: Config): Finding[] {
  const { values } = config;
  const findings: Finding[] = [];
  const add = (name: string, severity: Severity, code: string, message: string, hint: string) =>
    findings.push(about(config, name, severity, code, message, hint));
  if (values.listen_addresses.length === 0 && values.unix_socket_directories.length === 0) {
    const message = "there is neither an address nor a socket directory to listen on";
    add("listen_addresses", "error", "no-listener", message, "Set listen_addresses.");
  }
  if (values.port === values.pcp_port) {
    const message = `port and pcp_port are both ${values.port}`;
    add("pcp_port", "error", "same-port", message, "Give pcp_port a port of its own.");
  }
  if (values.metrics_port !== 0 && [values.port, values.pcp_port].includes(values.metrics_port)) {
    const message = `metrics_port ${values.metrics_port} is used for something else`;
    add("metrics_port", "error", "same-port", message, "Give metrics_port a port of its own.");
  }
  if (values.reserved_connections >= values.num_init_children) {
    const message = "reserved_connections leaves no room for clients";
    const hint = "Make it smaller than num_init_children.";
    add("reserved_connections", "error", "all-reserved", message, hint);
  }
  const withPort = values.listen_addresses.find((address) => /^[^:]+:\d+$/.test(address));
  if (withPort !== undefined) {
    const message = `"${withPort}" of listen_addresses is no address: it has a port`;
    add("listen_addresses", "error", "address-with-port", message, "Set the port with port.");
  }
  const everywhere = values.listen_addresses.some((address) =>
    ["*", "0.0.0.0", "::"].includes(address)
  );
  if (everywhere && !values.enable_pool_hba) {
    const message = "pgpool listens on all addresses without pool_hba.conf";
    const hint = "Set enable_pool_hba = on, or listen where only trusted clients are.";
    add("listen_addresses", "warning", "open-to-all", message, hint);
  }
  if (values.allow_clear_text_frontend_auth && !values.ssl) {
    const message = "passwords come over the network in clear text: ssl is off";
    const hint = "Set ssl = on, or put passwords into pool_passwd.";
    add("allow_clear_text_frontend_auth", "warning", "clear-text", message, hint);
  }
  if (values.allow_clear_text_frontend_auth && values.enable_pool_hba) {
    const message = "allow_clear_text_frontend_auth has no effect: enable_pool_hba is on";
    const hint = "Remove it; the methods in pool_hba.conf count.";
    add("allow_clear_text_frontend_auth", "warning", "no-effect", message, hint);
  }
  if (values.authentication_timeout === 0) {
    const message = "authentication_timeout is 0: clients may hold a slot without logging in";
    add("authentication_timeout", "warning", "no-timeout", message, "Set it to some seconds.");
  }
  if (
    values.load_balance_mode && config.backends.length === 1 &&
    config.sources.has("load_balance_mode")
  ) {
    const message = "load_balance_mode has no effect with one server";
    add("load_balance_mode", "note", "no-effect", message, "Remove the line, or add servers.");
  }
  return [...findings, ...checkCache(config), ...checkLogs(config)];
}

function checkCache(config: Config): Finding[] {
  const { values } = config;
  if (!values.memory_cache_enabled) return [];
  const findings: Finding[] = [];
  if (values.memqcache_maxcache > values.memqcache_cache_block_size) {
    const message = "memqcache_maxcache is larger than memqcache_cache_block_size";
    const hint = "Make memqcache_cache_block_size at least as large.";
    findings.push(about(config, "memqcache_maxcache", "error", "cache-block", message, hint));
  }
  if (values.memqcache_total_size < values.memqcache_cache_block_size) {
    const message = "memqcache_total_size is smaller than one memqcache_cache_block_size";
    const hint = "Make memqcache_total_size many times as large.";
    findings.push(about(config, "memqcache_total_size", "error", "cache-size", message, hint));
  }
  if (!values.memqcache_auto_cache_invalidation && values.memqcache_expire === 0) {
    const message = "cached results are kept for ever: no invalidation and memqcache_expire is 0";
    const hint = "Set memqcache_auto_cache_invalidation = on, or memqcache_expire.";
    findings.push(about(config, "memqcache_expire", "error", "stale-cache", message, hint));
  }
  return findings;
}

/** Escapes of log_line_prefix (behaviour.md 14). */
const prefixEscapes = "apPtmdul%";

function checkLogs(config: Config): Finding[] {
  const escapes = config.values.log_line_prefix.matchAll(/%-?\d*(.?)/gs);
  const wrong = [...escapes].find(([, letter = ""]) =>
    letter === "" || !prefixEscapes.includes(letter)
  );
  if (!wrong) return [];
  const message = `log_line_prefix has the unknown escape "${wrong[0]}"`;
  const hint = "Known ones are %a, %p, %P, %t, %m, %d, %u, %l and %%.";
  return [about(config, "log_line_prefix", "warning", "prefix-escape", message, hint)];
}
