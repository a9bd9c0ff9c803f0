import type { Config } from "../config.ts";
import { about } from "./finding.ts";
import type { Finding, Severity } from "./finding.ts";

/** What is wrong about the watchdog: too few nodes, missing lifecheck, an address not managed. */
export function checkWatchdogSettings(config: Config): Finding[] {
  const { values, watchdogNodes } = config;
  const findings: Finding[] = [];
  const add = (name: string, severity: Severity, code: string, message: string, hint: string) =>
    findings.push(about(config, name, severity, code, message, hint));
  if (!values.use_watchdog) {
    if (values.delegate_ip !== "") {
      const message = "delegate_ip has no effect without the watchdog";
      add("delegate_ip", "warning", "no-effect", message, "Set use_watchdog = on.");
    }
    return findings;
  }
  if (watchdogNodes.length < 2) {
    const message = "the watchdog has no other node";
    add(
      "use_watchdog",
      "warning",
      "watchdog-alone",
      message,
      "List all nodes: hostnameN, wd_portN.",
    );
  } else if (watchdogNodes.length % 2 === 0 && !values.enable_consensus_with_half_votes) {
    const two = watchdogNodes.length === 2;
    const message = two
      ? "two watchdog nodes: when one is lost the other has no majority and does nothing"
      : `${watchdogNodes.length} watchdog nodes: half of them are no majority`;
    const hint = "Add a node, or set enable_consensus_with_half_votes = on and accept its risk.";
    add("use_watchdog", two ? "warning" : "note", "watchdog-even", message, hint);
  }
  const places = new Set<string>();
  for (const { id, hostname, wdPort } of watchdogNodes) {
    const place = `${hostname}:${wdPort}`;
    if (places.has(place)) {
      const message = `watchdog node ${id} is listed twice: ${place}`;
      add(`wd_port${id}`, "error", "same-watchdog-node", message, "Correct hostname or wd_port.");
    }
    places.add(place);
  }
  if (values.wd_authkey === "") {
    const message = "wd_authkey is not set: whoever reaches wd_port can take part";
    add("wd_authkey", "warning", "no-authkey", message, "Set the same wd_authkey on all nodes.");
  }
  if (values.wd_lifecheck_method === "heartbeat" && config.heartbeats.length === 0) {
    const message = "lifecheck by heartbeat without a heartbeat_hostname and heartbeat_port";
    const hint = "Set heartbeat_hostnameN and heartbeat_portN for every node.";
    add("wd_lifecheck_method", "error", "no-heartbeat", message, hint);
  }
  if (values.wd_lifecheck_method === "query" && values.wd_lifecheck_user === "") {
    const message = "lifecheck by query without wd_lifecheck_user";
    add("wd_lifecheck_user", "warning", "lifecheck-user", message, "Set wd_lifecheck_user.");
  }
  if (values.wd_heartbeat_deadtime <= values.wd_heartbeat_keepalive) {
    const message = "wd_heartbeat_deadtime is not longer than wd_heartbeat_keepalive";
    const hint = "Make it several times as long.";
    add("wd_heartbeat_deadtime", "error", "heartbeat-deadtime", message, hint);
  }
  const consensus = values.failover_require_consensus && config.sources.has(
    "failover_require_consensus",
  );
  if (consensus && !values.failover_when_quorum_exists) {
    const message = "failover_require_consensus has no effect: failover_when_quorum_exists is off";
    const hint = "Set failover_when_quorum_exists = on, or remove the line.";
    add("failover_require_consensus", "warning", "no-effect", message, hint);
  }
  if (values.trusted_servers !== "" && !values.trusted_server_command.includes("%h")) {
    const message = "trusted_server_command does not name the host: %h is missing";
    add("trusted_server_command", "error", "no-host", message, "Put %h where the host belongs.");
  }
  if (values.delegate_ip !== "") {
    for (const name of ["if_up_cmd", "if_down_cmd", "arping_cmd"] as const) {
      if (values[name].includes("$_IP_$")) continue;
      const message = `${name} does not name the address: $_IP_$ is missing`;
      add(name, "error", "no-address", message, "Put $_IP_$ where the address belongs.");
    }
  }
  return findings;
}
