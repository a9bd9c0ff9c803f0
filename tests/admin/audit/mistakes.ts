import type { Severity } from "../../../lib/config/audit/finding.ts";
import type { Files } from "./support.ts";

/** A mistake in an otherwise sound configuration, and the finding that tells of it. */
export type Mistake = readonly [what: string, severity: Severity, code: string, files: Files];

const script = { more: { "failover.sh": "#!/bin/sh\n" } };
const watchdog = `
use_watchdog = on
hostname0 = 'w0'
wd_port0 = 9000
pgpool_port0 = 9999
hostname1 = 'w1'
wd_port1 = 9000
pgpool_port1 = 9999
hostname2 = 'w2'
wd_port2 = 9000
pgpool_port2 = 9999
heartbeat_hostname0 = 'w0'
heartbeat_port0 = 9694
wd_authkey = '\${file:authkey}'
`;
const node = { more: { pgpool_node_id: "0\n", authkey: "k\n" } };
const twoNodes = watchdog.replace(/^(hostname|wd_port|pgpool_port)2.*\n/gm, "");
const oneNode = twoNodes.replace(/^(hostname|wd_port|pgpool_port)1.*\n/gm, "");

export const mistakes: readonly Mistake[] = [
  // Names and values.
  ["a misspelt name", "error", "unknown-name", { conf: "num_init_childern = 5" }],
  ["an unknown name", "error", "unknown-name", { conf: "frobnicate = on" }],
  ["a name that is gone", "warning", "removed-name", { conf: "white_function_list = 'f'" }],
  ["a name that is renamed", "warning", "renamed-name", {
    conf: "logdir = 'DIR'",
    without: ["work_dir"],
  }],
  ["a number out of range", "error", "invalid-value", { conf: "port = 99999" }],
  ["a number that is none", "error", "invalid-value", { conf: "max_pool = many" }],
  ["a switch that is neither on nor off", "error", "invalid-value", { conf: "ssl = maybe" }],
  ["a value that is not among those there are", "error", "invalid-value", {
    conf: "backend_clustering_mode = 'magic'",
  }],
  ["a mode that is gone", "error", "invalid-value", { conf: "backend_clustering_mode = 'slony'" }],
  ["replication_mode that is ignored", "error", "old-mode", {
    conf: "replication_mode = on",
    without: ["backend_clustering_mode"],
  }],
  ["Slony mode in old words", "error", "old-mode", {
    conf: "master_slave_mode = on\nmaster_slave_sub_mode = 'slony'",
    without: ["backend_clustering_mode"],
  }],
  ["a name that lacks its number", "error", "invalid-value", { conf: "backend_port = 5432" }],
  ["an index out of range", "error", "invalid-value", { conf: "backend_port128 = 5432" }],
  ["a regular expression that is none", "error", "invalid-value", {
    conf: "read_only_function_list = '(('",
  }],
  ["a quote that is not closed", "error", "syntax", { conf: "sr_check_database = 'postgres" }],
  ["a unit after a blank", "error", "unknown-name", { conf: "log_rotation_size = 64 MB" }],
  ["a file to include that is missing", "error", "include", { conf: "include = 'none.conf'" }],
  ["a directory to include that is missing", "error", "include", { conf: "include_dir = 'none'" }],
  ["a name set twice", "warning", "set-twice", { conf: "max_pool = 4\nmax_pool = 5" }],
  ["a secret's file that is missing", "error", "invalid-value", {
    conf: "sr_check_password = '${file:none}'",
  }],
  ["a log destination there is not", "error", "inconsistent", {
    conf: "log_destination = 'pager'",
  }],
  ["an escape of log_line_prefix there is not", "warning", "prefix-escape", {
    conf: "log_line_prefix = '%m %z '",
  }],
  // Servers.
  ["a server without a port", "error", "unused-backend", { conf: "backend_hostname2 = 'gamma'" }],
  ["the same server twice", "error", "same-backend", { conf: "backend_hostname1 = 'alpha'" }],
  ["pgpool as its own server", "error", "backend-is-pgpool", {
    conf: "backend_hostname1 = 'localhost'\nbackend_port1 = 9999",
  }],
  ["weights that are all 0", "warning", "no-weight", {
    conf: "backend_weight0 = 0\nbackend_weight1 = 0",
  }],
  ["an unknown flag", "error", "inconsistent", { conf: "backend_flag0 = 'NEVER'" }],
  ["two primaries", "error", "two-primaries", {
    conf: "backend_flag0 = 'ALWAYS_PRIMARY'\nbackend_flag1 = 'ALWAYS_PRIMARY'",
  }],
  ["ALWAYS_PRIMARY in raw mode", "warning", "no-effect", {
    conf: "backend_clustering_mode = 'raw'\nbackend_flag0 = 'ALWAYS_PRIMARY'",
  }],
  ["no sr_check_user", "error", "sr-check-user", { without: ["sr_check_user"] }],
  ["a delay threshold without a check", "warning", "no-delay-check", {
    conf: "sr_check_period = 0\ndelay_threshold = 1000",
  }],
  ["delay thresholds in bytes and in time", "warning", "two-thresholds", {
    conf: "delay_threshold = 1000\ndelay_threshold_by_time = 1000",
  }],
  ["a preference without a delay threshold", "warning", "no-threshold", {
    conf: "prefer_lower_delay_standby = on\ndelay_threshold = 0",
  }],
  ["auto_failback without application names", "warning", "no-application-name", {
    conf: "auto_failback = on",
    without: ["backend_application_name1"],
  }],
  ["a redirect to a server there is not", "error", "redirect", {
    conf: "database_redirect_preference_list = 'reports:5'",
  }],
  ["a redirect to nowhere", "error", "inconsistent", {
    conf: "database_redirect_preference_list = 'reports:moon'",
  }],
  // Health checks and failover.
  ["health checks without a user", "warning", "health-check-user", {
    without: ["health_check_user"],
  }],
  ["health checks without a timeout", "warning", "health-check-timeout", {
    conf: "health_check_timeout = 0",
  }],
  ["health checks that take longer than their period", "warning", "health-check-slow", {
    conf: "health_check_timeout = 30",
  }],
  ["failover_command without health checks", "warning", "no-health-check", {
    ...script,
    conf: "failover_command = 'DIR/failover.sh %d'\nhealth_check_period = 0",
    modes: { "failover.sh": 0o700 },
  }],
  ["auto_failback without health checks", "warning", "failback-unchecked", {
    conf: "auto_failback = on\nhealth_check_period = 0",
  }],
  ["a failover_command that is never run", "warning", "never-fails-over", {
    conf: "failover_command = 'true'\nbackend_flag0 = 'DISALLOW_TO_FAILOVER'\n" +
      "backend_flag1 = 'DISALLOW_TO_FAILOVER'",
  }],
  ["a placeholder there is not", "error", "placeholder", { conf: "failover_command = 'true %x'" }],
  ["a percent sign at the end", "error", "placeholder", { conf: "failback_command = 'true %'" }],
  ["a script that is missing", "error", "no-script", { conf: "failover_command = 'DIR/none.sh'" }],
  ["a script that is not executable", "error", "not-executable", {
    ...script,
    conf: "failover_command = 'DIR/failover.sh'",
  }],
  ["a script that everybody may change", "error", "writable-script", {
    ...script,
    conf: "failover_command = 'DIR/failover.sh'",
    modes: { "failover.sh": 0o777 },
  }],
  ["a program there is not", "error", "no-script", {
    conf: "failover_command = 'no-such-prog %d'",
  }],
  ["recovery without a user", "warning", "recovery-user", {
    conf: "recovery_1st_stage_command = 'r.sh'\nbackend_data_directory0 = '/d'\n" +
      "backend_data_directory1 = '/d'",
  }],
  ["clients that may idle longer than recovery waits", "warning", "idle-in-recovery", {
    conf: "recovery_2nd_stage_command = 'r.sh'\nclient_idle_limit_in_recovery = 90\n" +
      "backend_data_directory0 = '/d'\nbackend_data_directory1 = '/d'",
  }],
  ["recovery with a path", "warning", "recovery-path", {
    conf: "recovery_1st_stage_command = '/r.sh'\nbackend_data_directory0 = '/d'\n" +
      "backend_data_directory1 = '/d'",
  }],
  ["recovery without data directories", "error", "inconsistent", {
    conf: "recovery_1st_stage_command = 'r.sh'",
  }],
  // Clients.
  ["nowhere to listen", "error", "no-listener", {
    conf: "listen_addresses = ''\nunix_socket_directories = ''",
  }],
  ["an address with a port", "error", "address-with-port", {
    conf: "listen_addresses = 'localhost:9999'",
  }],
  ["one port for two things", "error", "same-port", { conf: "pcp_port = 9999" }],
  ["all slots reserved", "error", "all-reserved", {
    conf: "num_init_children = 4\nreserved_connections = 4",
  }],
  ["all addresses without pool_hba.conf", "warning", "open-to-all", {
    conf: "listen_addresses = '*'\nenable_pool_hba = off",
  }],
  ["passwords in clear text", "warning", "clear-text", {
    conf: "allow_clear_text_frontend_auth = on",
  }],
  ["a way to log in that pool_hba.conf overrules", "warning", "no-effect", {
    conf: "allow_clear_text_frontend_auth = on\nenable_pool_hba = on",
  }],
  ["no limit for logging in", "warning", "no-timeout", { conf: "authentication_timeout = 0" }],
  // pool_hba.conf.
  ["pool_hba.conf that is ignored", "note", "hba-unused", { conf: "enable_pool_hba = off" }],
  ["a method there is not", "error", "hba-line", { hba: "host all all all magic\n" }],
  ["a line that ends too early", "error", "hba-line", { hba: "host all all\n" }],
  ["no lines in pool_hba.conf", "error", "hba-empty", { hba: "# nothing\n" }],
  ["a first line that swallows the rest", "error", "hba-swallows", {
    hba: "host all all all scram-sha-256\nhost app app 10.0.0.0/8 reject\n",
  }],
  ["a line that is never reached", "warning", "hba-unreached", {
    hba: "local all all scram-sha-256\nhost all all 10.0.0.0/8 scram-sha-256\n" +
      "host all all ::1/128 scram-sha-256\nhost app app 10.1.0.0/16 reject\n",
  }],
  ["hostssl without TLS", "warning", "hba-no-ssl", { hba: "hostssl all all all scram-sha-256\n" }],
  ["trust for everybody", "warning", "hba-trust", { hba: "host all all 0.0.0.0/0 trust\n" }],
  ["clear text over the network", "warning", "hba-clear-text", {
    hba: "host all all all password\n",
  }],
  ["certificates without an authority", "error", "hba-cert", {
    hba: "hostssl all all all cert\n",
    conf: "ssl = on",
  }],
  ["a method that is not active yet", "warning", "not-active", { hba: "host all all all pam\n" }],
  // Passwords and keys.
  ["no pool_passwd", "error", "no-pool-passwd", { conf: "pool_passwd = 'none'" }],
  ["an empty pool_passwd", "error", "no-passwords", { passwd: "" }],
  ["a line without a password", "error", "pool-passwd-line", { passwd: "app:TEXTapp\nother\n" }],
  ["a user twice", "warning", "user-twice", { passwd: "app:TEXTone\napp:TEXTtwo\n" }],
  ["an AES password without a key", "error", "no-key", {
    passwd: "app:AESm3xTyRBCtKhDGLkxe3BfVA==\n",
  }],
  ["an AES password in pgpool.conf without a key", "error", "no-key", {
    conf: "sr_check_password = 'AESm3xTyRBCtKhDGLkxe3BfVA=='",
  }],
  ["an md5 hash where SCRAM is asked for", "warning", "md5-for-scram", {
    passwd: "app:md50123456789abcdef0123456789abcdef\n",
  }],
  ["pool_passwd that everybody reads", "warning", "file-mode", { modes: { pool_passwd: 0o644 } }],
  ["a key that others read", "warning", "file-mode", { key: "key\n", modes: { key: 0o640 } }],
  ["a password in a file that everybody reads", "warning", "password-exposed", {
    conf: "sr_check_password = 'plain'",
    modes: { "pgpool.conf": 0o644 },
  }],
  ["a pcp.conf line without a hash", "error", "pcp-line", { pcp: "admin\n" }],
  ["a pcp.conf password that is no hash", "error", "pcp-line", { pcp: "admin:secret\n" }],
  ["a configuration that everybody may change", "error", "writable-file", {
    modes: { "pgpool.conf": 0o602 },
  }],
  // Directories.
  ["a pid file in a directory there is not", "error", "no-directory", {
    conf: "pid_file_name = 'DIR/none/pgpool.pid'",
  }],
  ["a work_dir there is not", "error", "no-directory", { conf: "work_dir = 'DIR/none'" }],
  ["a socket directory that is a file", "error", "no-directory", {
    conf: "unix_socket_directories = 'DIR/pool_passwd'",
  }],
  ["a socket with too long a path", "error", "socket-path", {
    conf: `unix_socket_directories = '/tmp/${"x".repeat(100)}'`,
  }],
  ["a PCP socket in a directory there is not", "error", "no-directory", {
    conf: "pcp_socket_dir = 'DIR/none'",
  }],
  ["log files that cannot be written", "error", "no-directory", {
    conf: "logging_collector = on\nlog_directory = 'DIR/none/logs'",
  }],
  // TLS.
  ["TLS without certificate", "error", "no-certificate", { conf: "ssl = on" }],
  ["a certificate that cannot be read", "error", "unreadable", {
    conf: "ssl = on\nssl_cert = 'none.crt'\nssl_key = 'none.key'",
  }],
  ["authorities in a directory there is not", "error", "no-directory", {
    conf: "ssl = on\nssl_ca_cert_dir = 'none'",
  }],
  ["DH parameters that cannot be read", "error", "unreadable", {
    conf: "ssl = on\nssl_dh_params_file = 'none.pem'",
  }],
  ["a certificate that is none", "error", "not-a-certificate", {
    conf: "ssl = on\nssl_cert = 'x.crt'",
    more: { "x.crt": "nonsense" },
  }],
  ["a key that is none", "error", "not-a-key", {
    conf: "ssl = on\nssl_key = 'x.key'",
    more: { "x.key": "nonsense" },
  }],
  ["a TLS key that others read", "warning", "key-mode", {
    conf: "ssl = on\nssl_key = 'x.key'",
    more: { "x.key": "nonsense" },
    modes: { "x.key": 0o644 },
  }],
  ["an encrypted key without a passphrase", "error", "no-passphrase", {
    conf: "ssl = on\nssl_key = 'x.key'",
    more: { "x.key": "-----BEGIN ENCRYPTED PRIVATE KEY-----\n" },
  }],
  // Query cache.
  ["a switch for children there are not", "note", "no-effect", { conf: "serialize_accept = on" }],
  ["DH parameters", "note", "no-effect", {
    conf: "ssl = on\nssl_dh_params_file = 'dh.pem'",
    more: { "dh.pem": "" },
  }],
  ["results larger than a block of the cache", "error", "cache-block", {
    conf: "memory_cache_enabled = on\nmemqcache_maxcache = 4MB\nmemqcache_cache_block_size = 1MB",
  }],
  ["a cache smaller than one of its blocks", "error", "cache-size", {
    conf: "memory_cache_enabled = on\nmemqcache_total_size = 512kB",
  }],
  ["a cache that is never emptied", "error", "stale-cache", {
    conf: "memory_cache_enabled = on\nmemqcache_auto_cache_invalidation = off",
  }],
  // Watchdog.
  ["a watchdog of two", "warning", "watchdog-even", { ...node, conf: twoNodes }],
  ["a watchdog alone", "warning", "watchdog-alone", { ...node, conf: oneNode }],
  ["a watchdog without node id", "error", "inconsistent", {
    conf: watchdog,
    more: { authkey: "k\n" },
  }],
  ["a watchdog node twice", "error", "same-watchdog-node", {
    ...node,
    conf: watchdog.replace("'w2'", "'w1'"),
  }],
  ["a watchdog without a key", "warning", "no-authkey", {
    ...node,
    conf: watchdog.replace(/wd_authkey.*/, ""),
  }],
  ["a lifecheck without heartbeats", "error", "no-heartbeat", {
    ...node,
    conf: watchdog.replace(/heartbeat_port0.*/, ""),
  }],
  ["a lifecheck by query without a user", "warning", "lifecheck-user", {
    ...node,
    conf: `${watchdog}wd_lifecheck_method = 'query'\nwd_lifecheck_user = ''`,
  }],
  ["heartbeats that are declared missing at once", "error", "heartbeat-deadtime", {
    ...node,
    conf: `${watchdog}wd_heartbeat_deadtime = 2\nwd_heartbeat_keepalive = 2`,
  }],
  ["a consensus that nobody asks for", "warning", "no-effect", {
    ...node,
    conf: `${watchdog}failover_require_consensus = on\nfailover_when_quorum_exists = off`,
  }],
  ["a delegate_ip without watchdog", "warning", "no-effect", { conf: "delegate_ip = '10.0.0.9'" }],
  ["a command that does not name the address", "error", "no-address", {
    ...node,
    conf: `${watchdog}delegate_ip = '10.0.0.9'\nif_up_cmd = '/bin/true'`,
  }],
  ["a trusted server that is not named", "error", "no-host", {
    ...node,
    conf: `${watchdog}trusted_servers = 'gw'\ntrusted_server_command = 'ping'`,
  }],
];
