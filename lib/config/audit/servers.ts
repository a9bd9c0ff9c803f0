import { parseBackendFlags } from "../config.ts";
import type { Config } from "../config.ts";
import { parseRedirects } from "../lists.ts";
import { about } from "./finding.ts";
import type { Finding } from "./finding.ts";

/** What is wrong about the servers, how they are checked and what happens when one fails. */
export function checkServers(config: Config): Finding[] {
  return [
    ...checkSlots(config),
    ...checkFlags(config),
    ...checkReplication(config),
    ...checkHealth(config),
    ...checkFailover(config),
    ...checkRedirects(config),
  ];
}

const slotNames = [
  "backend_hostname",
  "backend_weight",
  "backend_data_directory",
  "backend_application_name",
  "backend_flag",
] as const;

function checkSlots(config: Config): Finding[] {
  const findings: Finding[] = [];
  if (config.backends.length === 0) {
    const hint = "Set backend_hostname0, backend_port0 and backend_weight0.";
    findings.push(about(config, "", "error", "no-backend", "no server is configured", hint));
  }
  const used = new Set(config.backends.map(({ id }) => id));
  const reported = new Set<number>();
  for (const base of slotNames) {
    for (const id of config.indexed[base].keys()) {
      if (used.has(id) || reported.has(id)) continue;
      reported.add(id);
      const message = `server ${id} is not used: backend_port${id} is not set`;
      const hint = `Set backend_port${id}, or remove ${base}${id}.`;
      findings.push(about(config, `${base}${id}`, "error", "unused-backend", message, hint));
    }
  }
  const places = new Map<string, number>();
  for (const { id, hostname, port } of config.backends) {
    const place = `${hostname}:${port}`;
    const before = places.get(place);
    if (before === undefined) places.set(place, id);
    else {
      const message = `servers ${before} and ${id} are the same: ${place}`;
      const hint = "Correct one of them; a server must be listed once.";
      findings.push(about(config, `backend_port${id}`, "error", "same-backend", message, hint));
    }
    if (port === config.values.port && /^(localhost|127\.|::1$|\/)/.test(hostname)) {
      const message = `server ${id} is this pgpool itself: ${place}`;
      const hint = "Set backend_port to PostgreSQL's port, or port to another one.";
      findings.push(
        about(config, `backend_port${id}`, "error", "backend-is-pgpool", message, hint),
      );
    }
  }
  const { load_balance_mode } = config.values;
  if (
    load_balance_mode && config.backends.length > 0 &&
    config.backends.every(({ weight }) => weight === 0)
  ) {
    const name = `backend_weight${config.backends[0]?.id ?? 0}`;
    const hint = "Give every server that shall answer reads a backend_weight above 0.";
    findings.push(about(config, name, "warning", "no-weight", "all weights are 0", hint));
  }
  return findings;
}

function checkFlags(config: Config): Finding[] {
  const findings: Finding[] = [];
  const always = [...config.indexed.backend_flag].filter(([, text]) =>
    parseBackendFlags(text).alwaysPrimary
  );
  const [first, second] = always;
  if (second) {
    const message = "more than one server is ALWAYS_PRIMARY";
    const hint = "Keep the flag for the server that is the primary.";
    findings.push(
      about(config, `backend_flag${second[0]}`, "error", "two-primaries", message, hint),
    );
  }
  if (first && config.values.backend_clustering_mode !== "streaming_replication") {
    const message = "ALWAYS_PRIMARY counts in streaming replication mode only";
    const hint = "Remove the flag.";
    findings.push(about(config, `backend_flag${first[0]}`, "warning", "no-effect", message, hint));
  }
  const { failover_command } = config.values;
  if (
    failover_command !== "" && config.backends.length > 0 &&
    config.backends.every((backend) => !backend.allowToFailover)
  ) {
    const message = "failover_command is never run: all servers are DISALLOW_TO_FAILOVER";
    const hint = "Remove the command, or allow the failover of servers.";
    findings.push(about(config, "failover_command", "warning", "never-fails-over", message, hint));
  }
  return findings;
}

function checkReplication(config: Config): Finding[] {
  const { values } = config;
  if (values.backend_clustering_mode !== "streaming_replication" || config.backends.length < 2) {
    return [];
  }
  const findings: Finding[] = [];
  const report = (name: string, code: string, message: string, hint: string) =>
    findings.push(
      about(config, name, code === "sr-check-user" ? "error" : "warning", code, message, hint),
    );
  if (values.sr_check_user === "") {
    const message = "sr_check_user is not set: nobody can tell which server is the primary";
    report("sr_check_user", "sr-check-user", message, "Set sr_check_user and sr_check_password.");
  }
  const watchesDelay = values.delay_threshold > 0 || values.delay_threshold_by_time > 0;
  if (watchesDelay && values.sr_check_period === 0) {
    const message = "delay_threshold has no effect: sr_check_period is 0";
    report("sr_check_period", "no-delay-check", message, "Set sr_check_period to some seconds.");
  }
  if (values.delay_threshold > 0 && values.delay_threshold_by_time > 0) {
    const message = "delay_threshold counts bytes, but delays are measured in time: " +
      "delay_threshold_by_time is set as well";
    report("delay_threshold", "two-thresholds", message, "Set one of the two, the other to 0.");
  }
  if (values.prefer_lower_delay_standby && !watchesDelay) {
    const message = "prefer_lower_delay_standby has no effect without a delay_threshold";
    const hint = "Set delay_threshold or delay_threshold_by_time.";
    report("prefer_lower_delay_standby", "no-threshold", message, hint);
  }
  const anonymous = config.backends.find(({ applicationName }) => applicationName === "");
  if (anonymous && (values.auto_failback || values.delay_threshold_by_time > 0)) {
    const name = `backend_application_name${anonymous.id}`;
    const message = `${name} is not set: the replication of server ${anonymous.id} is not seen`;
    const hint = "Set it to the application_name in the standby's primary_conninfo.";
    report(name, "no-application-name", message, hint);
  }
  return findings;
}

function checkHealth(config: Config): Finding[] {
  const findings: Finding[] = [];
  for (const [id, check] of config.healthChecks) {
    if (check.period === 0) continue;
    const own = (name: string) => config.sources.has(`${name}${id}`) ? `${name}${id}` : name;
    const add = (name: string, code: string, message: string, hint: string) => {
      // What is set for all servers is told once.
      if (findings.some((each) => each.code === code && own(name) === name)) return;
      findings.push(about(config, own(name), "warning", code, message, hint));
    };
    if (check.user === "") {
      const message = "health checks are on without health_check_user";
      add("health_check_user", "health-check-user", message, "Set health_check_user.");
    }
    if (check.timeout === 0) {
      const message = "health_check_timeout is 0: a server that hangs is never noticed";
      add("health_check_timeout", "health-check-timeout", message, "Set it to some seconds.");
    } else if (check.timeout > check.period) {
      const message = "health_check_timeout is longer than health_check_period";
      const hint = "Make the timeout shorter than the period.";
      add("health_check_timeout", "health-check-slow", message, hint);
    }
  }
  return findings;
}

function checkFailover(config: Config): Finding[] {
  const { values } = config;
  const findings: Finding[] = [];
  const warn = (name: string, code: string, message: string, hint: string) =>
    findings.push(about(config, name, "warning", code, message, hint));
  const checked = [...config.healthChecks.values()].some(({ period }) => period > 0);
  if (values.failover_command !== "" && !checked) {
    const message = "failover_command is set without health checks: nobody looks after servers";
    const hint = "Set health_check_period, health_check_timeout and health_check_user.";
    warn("failover_command", "no-health-check", message, hint);
  }
  if (values.auto_failback && !checked) {
    const message = "auto_failback has no effect without health checks";
    warn("auto_failback", "failback-unchecked", message, "Set health_check_period.");
  }
  if (
    values.follow_primary_command !== "" &&
    values.backend_clustering_mode !== "streaming_replication"
  ) {
    const message = "follow_primary_command is run in streaming replication mode only";
    warn("follow_primary_command", "no-effect", message, "Remove the line.");
  }
  const { client_idle_limit_in_recovery: idle, recovery_timeout: patience } = values;
  if (idle > 0 && idle >= patience && values.recovery_2nd_stage_command !== "") {
    const message = "client_idle_limit_in_recovery is not shorter than recovery_timeout: " +
      "idle clients make online recovery fail";
    const hint = "Make it shorter, or -1 to end idle clients at once.";
    warn("client_idle_limit_in_recovery", "idle-in-recovery", message, hint);
  }
  if (values.recovery_1st_stage_command !== "" && values.recovery_user === "") {
    const message = "online recovery needs recovery_user";
    warn("recovery_user", "recovery-user", message, "Set recovery_user and recovery_password.");
  }
  for (const name of ["recovery_1st_stage_command", "recovery_2nd_stage_command"] as const) {
    if (!values[name].includes("/")) continue;
    const message = `${name} names a path; it is looked for in the data directory only`;
    const hint = "Put the script into the primary's data directory and give its bare name.";
    warn(name, "recovery-path", message, hint);
  }
  return findings;
}

const redirects = [
  "user_redirect_preference_list",
  "database_redirect_preference_list",
  "app_name_redirect_preference_list",
] as const;

function checkRedirects(config: Config): Finding[] {
  return redirects.flatMap((name) => {
    const list = parseRedirects(config.values[name], name);
    if ("wrong" in list) return [];
    const ids = new Set(config.backends.map(({ id }) => id));
    const lost = list.redirects.find(({ target }) =>
      typeof target === "number" && !ids.has(target)
    );
    if (!lost) return [];
    const message = `${name} sends to server ${lost.target}, which is not configured`;
    return [about(config, name, "error", "redirect", message, "Name a server that is configured.")];
  });
}
