import { existsSync } from "node:fs";
import { AuthError } from "../../auth/errors.ts";
import { loadHba } from "../../auth/hba.ts";
import type { HbaAddress, HbaRule, HbaToken } from "../../auth/hba.ts";
import type { Config } from "../../config/config.ts";
import { about } from "../../config/audit/finding.ts";
import type { Finding, Severity } from "../../config/audit/finding.ts";

/** What is wrong with pool_hba.conf, and the rules that can be used. */
export function checkHba(
  config: Config,
  path: string,
): { readonly findings: readonly Finding[]; readonly rules: readonly HbaRule[] } {
  if (!config.values.enable_pool_hba) return { findings: checkUnused(config, path), rules: [] };
  try {
    const { rules, problems } = loadHba(path);
    const findings: Finding[] = problems.map(({ line, severity, message }) => {
      const hint = severity === "error" ? "Correct the line; pgpool refuses the file." : "";
      return { severity, code: "hba-line", file: path, line, message, hint };
    });
    if (rules.length === 0 && problems.length === 0) {
      const hint = "Add a line for every kind of client.";
      findings.push(
        finding(path, 0, "error", "hba-empty", "no client may connect: no lines", hint),
      );
    }
    findings.push(...checkOrder(path, rules), ...checkMethods(config, path, rules));
    return { findings, rules };
  } catch (error) {
    if (!(error instanceof AuthError)) throw error;
    const hint = "Create the file, name it with -a, or set enable_pool_hba = off.";
    return {
      findings: [about(config, "enable_pool_hba", "error", "no-hba", error.message, hint)],
      rules: [],
    };
  }
}

function checkUnused(config: Config, path: string): Finding[] {
  if (!existsSync(path)) return [];
  const message = `"${path}" is not read: enable_pool_hba is off`;
  const hint = "Set enable_pool_hba = on to use it.";
  return [about(config, "enable_pool_hba", "note", "hba-unused", message, hint)];
}

/** Lines that no client ever reaches, because an earlier one takes them all. */
function checkOrder(path: string, rules: readonly HbaRule[]): Finding[] {
  const [first, ...rest] = rules;
  if (!first) return [];
  const sameType = rest.filter((rule) => typeCovers(first, rule));
  if (sameType.length > 0 && sameType.every((rule) => covers(first, rule))) {
    const message = `the first line takes all ${first.type} clients: no later line counts`;
    const hint = "Move it to the end, or narrow it.";
    return [finding(path, first.line, "error", "hba-swallows", message, hint)];
  }
  return rules.flatMap((rule, index) => {
    const earlier = rules.slice(0, index).find((each) => covers(each, rule));
    if (!earlier) return [];
    const message = `never reached: line ${earlier.line} takes the same clients`;
    return [
      finding(path, rule.line, "warning", "hba-unreached", message, "Move it up, or remove it."),
    ];
  });
}

function checkMethods(config: Config, path: string, rules: readonly HbaRule[]): Finding[] {
  return rules.flatMap((rule) => {
    const add = (severity: Severity, code: string, message: string, hint: string) => [
      finding(path, rule.line, severity, code, message, hint),
    ];
    if (rule.type === "hostssl" && !config.values.ssl) {
      return add("warning", "hba-no-ssl", "hostssl never fits: ssl is off", "Set ssl = on.");
    }
    if (rule.method === "trust" && rule.type !== "local" && isEverywhere(rule.address)) {
      const hint = "Use scram-sha-256.";
      return add("warning", "hba-trust", "everybody is let in without a password", hint);
    }
    if (rule.method === "password" && rule.type !== "local" && rule.type !== "hostssl") {
      const hint = "Use hostssl, or scram-sha-256.";
      return add("warning", "hba-clear-text", "passwords come in clear text", hint);
    }
    if (rule.method === "cert" && config.values.ssl_ca_cert === "") {
      const hint = "Set ssl_ca_cert.";
      return add("error", "hba-cert", "no certificate can be verified without ssl_ca_cert", hint);
    }
    if (rule.method === "pam" || rule.method === "ldap") {
      const message = `not active yet: the method ${rule.method}; its clients are refused`;
      return add("warning", "not-active", message, "Use scram-sha-256 meanwhile.");
    }
    return [];
  });
}

function isEverywhere(address: HbaAddress | undefined): boolean {
  if (address?.kind === "all") return true;
  return address?.kind === "range" && address.range.mask.every((byte) => byte === 0);
}

function covers(one: HbaRule, other: HbaRule): boolean {
  return typeCovers(one, other) && listCovers(one.databases, other.databases) &&
    listCovers(one.users, other.users) && addressCovers(one.address, other.address);
}

function typeCovers(one: HbaRule, other: HbaRule): boolean {
  return one.type === other.type || (one.type === "host" && other.type !== "local");
}

function listCovers(one: readonly HbaToken[], other: readonly HbaToken[]): boolean {
  if (one.some((token) => token.text === "all" && !token.quoted)) return true;
  return other.every((token) =>
    one.some((each) => each.text === token.text && each.quoted === token.quoted)
  );
}

function addressCovers(one: HbaAddress | undefined, other: HbaAddress | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  if (one.kind === "all") return true;
  if (one.kind === "range" && other.kind === "range") {
    const [wide, narrow] = [one.range, other.range];
    return wide.network.length === narrow.network.length &&
      wide.mask.every((mask, i) =>
        ((narrow.mask[i] ?? 0) & mask) === mask &&
        ((wide.network[i] ?? 0) & mask) === ((narrow.network[i] ?? 0) & mask)
      );
  }
  if (one.kind === "name" && other.kind === "name") return one.name === other.name;
  return one.kind === other.kind && one.kind !== "range" && one.kind !== "name";
}

function finding(
  file: string,
  line: number,
  severity: Severity,
  code: string,
  message: string,
  hint: string,
): Finding {
  return { severity, code, file, line, message, hint };
}
