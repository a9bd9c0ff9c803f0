/**
 * SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677) as PostgreSQL speaks them: both
 * sides without I/O, and the verifiers stored in pg_authid and pool_passwd.
 */
export { ScramClient, type ScramClientOptions, type ScramLoginKeys } from "./scram-client.ts";
export { ScramServer, type ScramServerOptions } from "./scram-server.ts";
export { MAX_DERIVED_ITERATIONS, ScramKeyCache } from "./scram-keys.ts";
export { SCRAM_SHA_256, SCRAM_SHA_256_PLUS } from "./scram-message.ts";
export {
  buildVerifier,
  DEFAULT_ITERATIONS,
  DEFAULT_SALT_LENGTH,
  formatVerifier,
  looksLikeVerifier,
  parseVerifier,
  type ScramVerifier,
  verifierMatches,
} from "./scram-verifier.ts";
export { ScramError, type ScramErrorReason } from "./errors.ts";
