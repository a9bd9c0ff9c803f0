import { accessSync, constants, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { Config } from "../config.ts";
import { about } from "./finding.ts";
import type { Finding } from "./finding.ts";

/** Longest path of a Unix socket on Linux (sun_path without its zero byte, unix(7)). */
const maxSocketPath = 107;

/** Finds directories that are missing or closed to pgpool: of sockets, pid file, status and logs. */
export function checkDirectories(config: Config): Finding[] {
  const { values, directory } = config;
  const findings: Finding[] = [
    ...writable(config, "pid_file_name", dirname(resolve(directory, values.pid_file_name))),
    ...writable(config, "work_dir", resolve(directory, values.work_dir)),
    ...values.unix_socket_directories.flatMap((each) =>
      writable(config, "unix_socket_directories", resolve(directory, each))
    ),
    ...values.pcp_socket_dir.flatMap((each) =>
      writable(config, "pcp_socket_dir", resolve(directory, each))
    ),
    ...pathLengths(config),
  ];
  if (values.memory_cache_enabled && config.sources.has("memqcache_oiddir")) {
    findings.push(...writable(config, "memqcache_oiddir", values.memqcache_oiddir));
  }
  if (values.logging_collector) {
    findings.push(...creatable(config, "log_directory", resolve(directory, values.log_directory)));
  }
  if (values.use_watchdog) {
    findings.push(...writable(config, "wd_ipc_socket_dir", values.wd_ipc_socket_dir));
  }
  return findings;
}

function writable(config: Config, name: string, path: string): Finding[] {
  if (path === "") return [];
  const add = (code: string, message: string, hint: string) => [
    about(config, name, "error", code, message, hint),
  ];
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats) {
    const message = `${name}: the directory "${path}" does not exist`;
    return add("no-directory", message, "Create it for the user that runs pgpool.");
  }
  if (!stats.isDirectory()) {
    return add("no-directory", `${name}: "${path}" is no directory`, "Name a directory.");
  }
  try {
    accessSync(path, constants.W_OK);
    return [];
  } catch {
    const message = `${name}: "${path}" may not be written by this user`;
    return add("not-writable", message, "Let the user that runs pgpool write there.");
  }
}

/** For a directory that pgpool makes itself when it is missing. */
function creatable(config: Config, name: string, path: string): Finding[] {
  const isThere = statSync(path, { throwIfNoEntry: false }) !== undefined;
  return writable(config, name, isThere ? path : dirname(path));
}

function pathLengths(config: Config): Finding[] {
  const { unix_socket_directories, port, pcp_socket_dir, pcp_port } = config.values;
  const sockets = [
    ["unix_socket_directories", unix_socket_directories, port],
    ["pcp_socket_dir", pcp_socket_dir, pcp_port],
  ] as const;
  return sockets.flatMap(([name, directories, number]) => {
    const long = directories.find((each) =>
      Buffer.byteLength(resolve(config.directory, each, `.s.PGSQL.${number}`)) > maxSocketPath
    );
    if (long === undefined) return [];
    const message = `the path of the socket in "${long}" is longer than ${maxSocketPath} bytes`;
    const hint = "Choose a directory with a shorter path.";
    return [about(config, name, "error", "socket-path", message, hint)];
  });
}
