import { readFileSync } from "node:fs";
import { makeCertificates, type TestCertificates } from "../../net/support.ts";
import type { Settings } from "../../support/config-file.ts";
import { tempDir } from "../../support/temp.ts";

export { PASSPHRASE } from "../../net/support.ts";

/** Certificates of one run; making them takes a second. */
export function certificates(): TestCertificates {
  return made ??= makeCertificates(tempDir());
}

let made: TestCertificates | undefined;

/** Files for pgpool's own directory, by the names that {@link TLS_SETTINGS} uses. */
export function tlsFiles(): Record<string, string> {
  const { certFile, keyFile, caFile, crlFile, encryptedKeyFile } = certificates();
  return {
    "server.crt": readFileSync(certFile, "utf8"),
    "server.key": readFileSync(keyFile, "utf8"),
    "encrypted.key": readFileSync(encryptedKeyFile, "utf8"),
    "ca.crt": readFileSync(caFile, "utf8"),
    "ca.crl": readFileSync(crlFile, "utf8"),
  };
}

/** TLS towards clients without client certificates. */
export const TLS_SETTINGS: Settings = {
  ssl: true,
  ssl_cert: "server.crt",
  ssl_key: "server.key",
};

/** A client's certificate as node:tls takes it. */
export function clientCertificate(
  name: "client" | "stranger" | "revoked",
): { cert: string; key: string } {
  const made = certificates();
  return {
    cert: readFileSync(made[`${name}Cert`], "utf8"),
    key: readFileSync(made[`${name}Key`], "utf8"),
  };
}
