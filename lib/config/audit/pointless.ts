import type { Config } from "../config.ts";
import { findParameter } from "../parameters.ts";
import type { PlainName } from "../parameters.ts";
import { about } from "./finding.ts";
import type { Finding } from "./finding.ts";

interface Reason {
  readonly why: string;
  readonly hint: string;
}

const NO_CHILDREN: Reason = {
  why: "there are no children to fork or to wait in line",
  hint: "Remove the line; worker_processes says how many processes serve clients.",
};

/** Parameters that are taken for the sake of old files and have nothing to act on here. */
const reasons: Readonly<Partial<Record<PlainName, Reason>>> = {
  serialize_accept: NO_CHILDREN,
  process_management_mode: NO_CHILDREN,
  process_management_strategy: NO_CHILDREN,
  min_spare_children: NO_CHILDREN,
  max_spare_children: NO_CHILDREN,
  ssl_dh_params_file: {
    why: "TLS has no key exchange with DH parameters here",
    hint: "Remove the line; ssl_ecdh_curve is for the key exchange there is.",
  },
};

/** Whether a parameter changes nothing here. */
export function isPointless(name: string): boolean {
  return Object.hasOwn(reasons, name);
}

/** Finds parameters with another value than their default which change nothing. */
export function checkPointless(config: Config): Finding[] {
  return Object.entries(reasons).flatMap(([name, { why, hint }]) => {
    const value = new Map<string, unknown>(Object.entries(config.values)).get(name);
    if (value === findParameter(name)?.default) return [];
    return [about(config, name, "note", "no-effect", `${name} has no effect: ${why}`, hint)];
  });
}
