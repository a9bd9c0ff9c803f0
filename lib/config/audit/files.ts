import { accessSync, constants, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
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
      writable(config, "unix_socket_directories", each)
    ),
    ...pathLengths(config),
  ];
  if (values.memory_cache_enabled && config.sources.has("memqcache_oiddir")) {
    findings.push(...writable(config, "memqcache_oiddir", values.memqcache_oiddir));
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

function pathLengths(config: Config): Finding[] {
  const { unix_socket_directories, port } = config.values;
  const long = unix_socket_directories.find((directory) =>
    Buffer.byteLength(join(directory, `.s.PGSQL.${port}`)) > maxSocketPath
  );
  if (long === undefined) return [];
  const message = `the path of the socket in "${long}" is longer than ${maxSocketPath} bytes`;
  const hint = "Choose a directory with a shorter path.";
  return [about(config, "unix_socket_directories", "error", "socket-path", message, hint)];
}
