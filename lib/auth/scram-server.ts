import { randomBytes } from "node:crypto";
import type { RandomBytes } from "./credentials.ts";
import { ScramError } from "./errors.ts";
import { encodePassword } from "./password-bytes.ts";
import {
  equalKeys,
  hmac,
  passwordKeys,
  SCRAM_KEY_LENGTH,
  ScramKeyCache,
  sha256,
  xorKeys,
} from "./scram-keys.ts";
import {
  type ClientFirst,
  messageBytes,
  parseClientFinal,
  parseClientFirst,
  SCRAM_SHA_256,
  SCRAM_SHA_256_PLUS,
} from "./scram-message.ts";
import {
  buildVerifier,
  DEFAULT_ITERATIONS,
  DEFAULT_SALT_LENGTH,
  type ScramVerifier,
} from "./scram-verifier.ts";

export interface ScramServerOptions {
  readonly user: string;
  /** The stored verifier; or the password. With neither the exchange runs and always fails. */
  readonly verifier?: ScramVerifier | undefined;
  readonly password?: string | undefined;
  /** tls-server-end-point hash of our own certificate; offers SCRAM-SHA-256-PLUS. */
  readonly channelBinding?: Uint8Array | undefined;
  readonly random: RandomBytes;
  /**
   * Makes the salts of users without a stored verifier. All processes of one pgpool should share
   * it: an unknown user is then shown the same salt wherever he tries, as a known one is.
   */
  readonly saltSecret?: Uint8Array | undefined;
  /**
   * Every user has a verifier (made up where there is none), so that no work is needed for all
   * to take the same time.
   */
  readonly alwaysVerifier?: boolean | undefined;
}

const NONCE_BYTES = 18;
const processSaltSecret = randomBytes(SCRAM_KEY_LENGTH);
const mockKeys = new ScramKeyCache(1024);

/**
 * The server's side of one SCRAM-SHA-256(-PLUS) exchange (RFC 5802, RFC 7677), without I/O.
 *
 * Unknown users go through the same motions as known ones, with the same costs, and fail only at
 * the end. Success yields the client's ClientKey, which logs in wherever the same verifier is
 * stored.
 */
export class ScramServer {
  readonly #options: ScramServerOptions;
  readonly #verifier: ScramVerifier;
  readonly #mock: boolean;
  #clientFirst: ClientFirst | undefined;
  #serverFirst = "";
  #nonce = "";

  constructor(options: ScramServerOptions) {
    this.#options = options;
    this.#mock = options.verifier === undefined && options.password === undefined;
    this.#verifier = chooseVerifier(options);
  }

  /** The mechanisms to offer, the preferred one first. */
  get mechanisms(): readonly string[] {
    return this.#options.channelBinding === undefined
      ? [SCRAM_SHA_256]
      : [SCRAM_SHA_256_PLUS, SCRAM_SHA_256];
  }

  /**
   * Takes client-first-message and the mechanism the client chose; gives server-first-message.
   * @throws ScramError
   */
  first(message: Uint8Array, mechanism: string): Buffer {
    if (this.#clientFirst !== undefined) {
      throw new ScramError("malformed", "SCRAM exchange started twice");
    }
    if (!this.mechanisms.includes(mechanism)) {
      throw new ScramError("malformed", "client selected an invalid SASL authentication mechanism");
    }
    const clientFirst = parseClientFirst(message);
    this.#checkFlag(clientFirst, mechanism);
    const serverNonce = Buffer.from(this.#options.random(NONCE_BYTES)).toString("base64");
    this.#clientFirst = clientFirst;
    this.#nonce = clientFirst.nonce + serverNonce;
    const { salt, iterations } = this.#verifier;
    this.#serverFirst = `r=${this.#nonce},s=${salt.toString("base64")},i=${iterations}`;
    return messageBytes(this.#serverFirst);
  }

  /**
   * Takes client-final-message; gives server-final-message and the client's ClientKey.
   * @throws ScramError, with reason mismatch when the password is wrong or the user unknown
   */
  final(message: Uint8Array): { serverFinal: Buffer; clientKey: Buffer } {
    const clientFirst = this.#clientFirst;
    if (clientFirst === undefined || this.#nonce === "") {
      throw new ScramError("malformed", "SCRAM message out of order");
    }
    const final = parseClientFinal(message, SCRAM_KEY_LENGTH);
    if (final.nonce !== this.#nonce) throw new ScramError("malformed", "invalid SCRAM nonce");
    this.#nonce = "";
    if (final.channelBinding !== this.#expectedBinding(clientFirst)) {
      throw new ScramError("channel-binding", "SCRAM channel binding check failed");
    }
    const authMessage = messageBytes(
      `${clientFirst.bare},${this.#serverFirst},${final.withoutProof}`,
    );
    const clientKey = xorKeys(final.proof, hmac(this.#verifier.storedKey, authMessage));
    const matches = equalKeys(sha256(clientKey), this.#verifier.storedKey);
    if (!matches || this.#mock) throw new ScramError("mismatch", "SCRAM proof does not match");
    const signature = hmac(this.#verifier.serverKey, authMessage).toString("base64");
    return { serverFinal: messageBytes(`v=${signature}`), clientKey };
  }

  /** RFC 5802 section 6: the flag has to fit what was offered and chosen. */
  #checkFlag({ flag }: ClientFirst, mechanism: string): void {
    const plus = mechanism === SCRAM_SHA_256_PLUS;
    if (plus !== (flag === "p")) {
      throw new ScramError("malformed", "SCRAM mechanism and channel binding flag do not fit");
    }
    if (flag === "y" && this.#options.channelBinding !== undefined) {
      throw new ScramError(
        "channel-binding",
        "the client supports SCRAM channel binding but thinks the server does not",
      );
    }
  }

  #expectedBinding({ gs2Header, flag }: ClientFirst): string {
    const header = messageBytes(gs2Header);
    const data = flag === "p" ? this.#options.channelBinding ?? new Uint8Array() : new Uint8Array();
    return Buffer.concat([header, data]).toString("base64");
  }
}

/**
 * The verifier to run the exchange with. Users with a stored verifier, with a password and
 * without either cost the same (one PBKDF2 when first seen), so that time tells nothing.
 */
function chooseVerifier(options: ScramServerOptions): ScramVerifier {
  if (options.alwaysVerifier === true && options.verifier !== undefined) return options.verifier;
  const secret = options.saltSecret ?? processSaltSecret;
  const salt = hmac(secret, encodePassword(options.user)).subarray(0, DEFAULT_SALT_LENGTH);
  if (options.verifier === undefined && options.password !== undefined) {
    return buildVerifier(options.password, salt, DEFAULT_ITERATIONS, passwordKeys);
  }
  const mock = buildVerifier("mock", salt, DEFAULT_ITERATIONS, mockKeys);
  return options.verifier ?? mock;
}
