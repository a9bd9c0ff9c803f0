import { createPrivateKey, X509Certificate } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import type { Config } from "../config.ts";
import { about } from "./finding.ts";
import type { Finding, Severity } from "./finding.ts";

type FileName = "ssl_cert" | "ssl_key" | "ssl_ca_cert" | "ssl_crl_file" | "ssl_dh_params_file";

const dayMs = 86_400_000;

/** A certificate that ends within these days is told of. */
const soonDays = 30;

/** Finds certificates and keys that are missing, unreadable, expired or not of each other. */
export function checkCertificates(config: Config, now: Date): Finding[] {
  const { values } = config;
  if (!values.ssl) return [];
  const findings: Finding[] = [];
  const add = (name: FileName, severity: Severity, code: string, message: string, hint: string) => {
    findings.push(about(config, name, severity, code, message, hint));
  };
  for (const name of ["ssl_cert", "ssl_key"] as const) {
    if (values[name] !== "") continue;
    const hint = "Set it, or ssl = off.";
    add(name, "error", "no-certificate", `ssl is on without ${name}`, hint);
  }
  const read = (name: FileName): Buffer | undefined => {
    if (values[name] === "") return undefined;
    const path = resolve(config.directory, values[name]);
    try {
      return readFileSync(path);
    } catch {
      const hint = "Correct the path, and let the user that runs pgpool read the file.";
      add(name, "error", "unreadable", `${name}: "${path}" cannot be read`, hint);
      return undefined;
    }
  };
  const certificate = (name: FileName): X509Certificate | undefined => {
    const content = read(name);
    if (content === undefined) return undefined;
    try {
      const parsed = new X509Certificate(content);
      checkDates(parsed, now, (severity, code, message, hint) => {
        add(name, severity, code, `${name}: ${message}`, hint);
      });
      return parsed;
    } catch {
      add(name, "error", "not-a-certificate", `${name} is no certificate`, "Give it in PEM form.");
      return undefined;
    }
  };
  const server = certificate("ssl_cert");
  certificate("ssl_ca_cert");
  read("ssl_crl_file");
  read("ssl_dh_params_file");
  findings.push(...checkAuthorities(config));
  const key = checkKey(config, read("ssl_key"), add);
  if (server && key && !server.checkPrivateKey(key)) {
    const message = "ssl_key is not the key of ssl_cert";
    add("ssl_key", "error", "wrong-key", message, "Name the key the certificate was made for.");
  }
  return findings;
}

function checkAuthorities(config: Config): Finding[] {
  const { ssl_ca_cert_dir } = config.values;
  if (ssl_ca_cert_dir === "") return [];
  const path = resolve(config.directory, ssl_ca_cert_dir);
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return [];
  const message = `ssl_ca_cert_dir: there is no directory "${path}"`;
  return [
    about(config, "ssl_ca_cert_dir", "error", "no-directory", message, "Correct the path."),
  ];
}

function checkDates(
  certificate: X509Certificate,
  now: Date,
  add: (severity: Severity, code: string, message: string, hint: string) => void,
): void {
  const end = Date.parse(certificate.validTo);
  const hint = "Renew the certificate and reload pgpool.";
  if (end <= now.getTime()) {
    add("error", "expired", `expired on ${certificate.validTo}`, hint);
  } else if (end - now.getTime() < soonDays * dayMs) {
    add("warning", "expires-soon", `expires on ${certificate.validTo}`, hint);
  }
  if (Date.parse(certificate.validFrom) > now.getTime()) {
    add(
      "error",
      "not-yet-valid",
      `is not valid before ${certificate.validFrom}`,
      "Wait, or set the clock.",
    );
  }
}

function checkKey(
  config: Config,
  content: Buffer | undefined,
  add: (name: FileName, severity: Severity, code: string, message: string, hint: string) => void,
): KeyObject | undefined {
  if (content === undefined) return undefined;
  const path = resolve(config.directory, config.values.ssl_key);
  const { mode, uid } = statSync(path);
  // 0640 is fine for a key that root owns (behaviour.md 4).
  if ((mode & (uid === 0 ? 0o037 : 0o077)) !== 0) {
    const message = `ssl_key: "${path}" may be read by others`;
    add("ssl_key", "warning", "key-mode", message, `chmod 0600 ${path}`);
  }
  const encrypted = content.includes("ENCRYPTED");
  if (encrypted) {
    if (config.values.ssl_passphrase_command === "") {
      const message = "ssl_key is encrypted and nobody tells its passphrase";
      add("ssl_key", "error", "no-passphrase", message, "Set ssl_passphrase_command.");
    }
    return undefined;
  }
  try {
    return createPrivateKey(content);
  } catch {
    add("ssl_key", "error", "not-a-key", "ssl_key is no private key", "Give it in PEM form.");
    return undefined;
  }
}
