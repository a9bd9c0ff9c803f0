import { resolve } from "node:path";
import type { Config } from "../../config/config.ts";
import type { Logger } from "../../log/log.ts";
import { TlsFileError } from "../../net/errors.ts";
import {
  acceptDirectTls,
  acceptTls,
  loadClientTls,
  loadServerTls,
  type ServerTls,
  type TlsFiles,
} from "../../net/tls.ts";
import type { ServerTls as ServersTls } from "../../pool/login.ts";
import type { ClientTlsStarter } from "./login-request.ts";

/** TLS in both directions, as the configuration has it. */
export interface TlsSettings {
  /** Towards clients; undefined when ssl is off or its files can not be used. */
  readonly clients: ClientTlsStarter | undefined;
  /** pgpool's own certificate in DER form. */
  readonly certificate: Uint8Array | undefined;
  /** Towards servers; undefined when ssl is off. */
  readonly servers: ServersTls | undefined;
}

const OFF: TlsSettings = { clients: undefined, certificate: undefined, servers: undefined };

/**
 * Reads the files of TLS. As in Pgpool-II, files that can not be used are warned of, and TLS is
 * not offered then; `previous` is kept instead where there is one.
 */
export async function loadTls(
  config: Config,
  logger: Logger,
  previous: TlsSettings = OFF,
): Promise<TlsSettings> {
  const { values } = config;
  if (!values.ssl) return OFF;
  const files = tlsFiles(config);
  const timeoutMs = 1000 * (values.authentication_timeout || 60);
  let own: ServerTls | undefined;
  try {
    own = await loadServerTls(files);
  } catch (error) {
    if (!(error instanceof TlsFileError)) throw error;
    logger.warning(error.message, { hint: "Clients are not offered TLS until this is mended." });
    if (previous.clients !== undefined) return previous;
  }
  const servers = await serverSide(config, files, logger);
  const usable = servers !== undefined && !("unusable" in servers);
  return {
    clients: own === undefined ? undefined : starter(own, timeoutMs),
    certificate: own?.certificate,
    servers: usable ? servers : previous.servers ?? servers,
  };
}

/** TLS towards servers alone, as {@link loadTls} has it; undefined when ssl is off. */
export async function loadServersTls(
  config: Config,
  logger: Logger,
): Promise<ServersTls | undefined> {
  return config.values.ssl ? await serverSide(config, tlsFiles(config), logger) : undefined;
}

function starter(tls: ServerTls, timeoutMs: number): ClientTlsStarter {
  return {
    upgrade: (stream) => acceptTls(stream, tls, timeoutMs),
    direct: (stream, first) => acceptDirectTls(stream, first, tls, timeoutMs),
  };
}

async function serverSide(
  config: Config,
  files: Required<TlsFiles>,
  logger: Logger,
): Promise<ServersTls | undefined> {
  const verify = config.values.ssl_backend_verify;
  // Pgpool-II shows servers no certificate and never looks at their host name.
  const { caFile, caDir, crlFile, ciphers } = files;
  try {
    const tls = await loadClientTls({ caFile, caDir, crlFile, ciphers });
    return {
      tls: { ...tls, verify: verify === "none" ? false : verify === "default" ? tls.verify : true },
      required: verify === "verify-ca" || verify === "verify-full",
      verifyHost: verify === "verify-full",
    };
  } catch (error) {
    if (!(error instanceof TlsFileError)) throw error;
    const verifies = verify !== "none" && (verify !== "default" || caFile !== "" || caDir !== "");
    if (!verifies) {
      logger.warning(error.message, { hint: "Servers are not connected to with TLS." });
      return undefined;
    }
    // Who wants to know that a server is the right one must not get one that nobody has checked.
    logger.warning(error.message, { hint: "Servers are not connected to until this is mended." });
    return { unusable: error.message };
  }
}

/** Names of files are relative to the directory of pgpool.conf (behaviour.md 7). */
function tlsFiles(config: Config): Required<TlsFiles> {
  const { values, directory } = config;
  const file = (name: string) => name === "" ? "" : resolve(directory, name);
  return {
    certFile: file(values.ssl_cert),
    keyFile: file(values.ssl_key),
    caFile: file(values.ssl_ca_cert),
    caDir: values.ssl_ca_cert_dir,
    crlFile: file(values.ssl_crl_file),
    ciphers: values.ssl_ciphers,
    preferServerCiphers: values.ssl_prefer_server_ciphers,
    ecdhCurve: values.ssl_ecdh_curve,
    passphraseCommand: values.ssl_passphrase_command,
  };
}
