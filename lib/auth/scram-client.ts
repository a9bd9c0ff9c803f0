import type { RandomBytes } from "./credentials.ts";
import { ScramError } from "./errors.ts";
import { equalKeys, hmac, passwordKeys, SCRAM_KEY_LENGTH, xorKeys } from "./scram-keys.ts";
import {
  messageBytes,
  messageText,
  parseServerFinal,
  parseServerFirst,
  SCRAM_SHA_256,
  SCRAM_SHA_256_PLUS,
  type ServerFirst,
} from "./scram-message.ts";
import type { ScramVerifier } from "./scram-verifier.ts";

/** A verifier together with the ClientKey that a client's login revealed. */
export interface ScramLoginKeys extends ScramVerifier {
  readonly clientKey: Buffer;
}

/** What the client logs in with. */
export type ScramClientSecret =
  | { readonly password: string }
  | { readonly keys: ScramLoginKeys };

export type ScramClientOptions = ScramClientSecret & {
  /** tls-server-end-point hash of the server's certificate, when the connection has TLS. */
  readonly channelBinding?: Uint8Array | undefined;
  readonly random: RandomBytes;
};

interface UsableKeys {
  readonly clientKey: Buffer;
  readonly storedKey: Buffer;
  readonly serverKey: Buffer;
}

const NONCE_BYTES = 18;

/** The client's side of one SCRAM-SHA-256(-PLUS) exchange (RFC 5802, RFC 7677), without I/O. */
export class ScramClient {
  readonly #options: ScramClientOptions;
  #gs2Header = "";
  #nonce = "";
  #clientFirstBare = "";
  #expectedSignature: Buffer | undefined;

  constructor(options: ScramClientOptions) {
    this.#options = options;
  }

  /**
   * Chooses a mechanism among those offered, in any order and with any others between them, and
   * gives client-first-message.
   * @throws ScramError when none fits
   */
  start(offered: readonly string[]): { mechanism: string; initial: Buffer } {
    const { channelBinding, random } = this.#options;
    const plusOffered = offered.includes(SCRAM_SHA_256_PLUS);
    const plus = plusOffered && channelBinding !== undefined;
    if (!plus && !offered.includes(SCRAM_SHA_256)) {
      throw new ScramError("malformed", "none of the server's SASL mechanisms is supported");
    }
    // With "y" the server notices when somebody in between removed PLUS from its offer.
    this.#gs2Header = plus
      ? "p=tls-server-end-point,,"
      : channelBinding !== undefined && !plusOffered
      ? "y,,"
      : "n,,";
    this.#nonce = Buffer.from(random(NONCE_BYTES)).toString("base64");
    // PostgreSQL takes the user from the startup packet; libpq sends an empty name too.
    this.#clientFirstBare = `n=,r=${this.#nonce}`;
    return {
      mechanism: plus ? SCRAM_SHA_256_PLUS : SCRAM_SHA_256,
      initial: messageBytes(this.#gs2Header + this.#clientFirstBare),
    };
  }

  /**
   * Takes server-first-message and gives client-final-message with the proof.
   * @throws ScramError, also when the server asks for absurd work or holds another verifier
   */
  continue(message: Uint8Array): Buffer {
    if (this.#nonce === "" || this.#expectedSignature !== undefined) {
      throw new ScramError("malformed", "SCRAM message out of order");
    }
    const serverFirstText = messageText(message);
    const serverFirst = parseServerFirst(serverFirstText);
    const extendsOurs = serverFirst.nonce.startsWith(this.#nonce) &&
      serverFirst.nonce.length > this.#nonce.length;
    if (!extendsOurs) throw new ScramError("malformed", "invalid SCRAM nonce");
    const keys = this.#keysFor(serverFirst);
    const withoutProof = `c=${this.#bindingData()},r=${serverFirst.nonce}`;
    const authMessage = messageBytes(
      `${this.#clientFirstBare},${serverFirstText},${withoutProof}`,
    );
    this.#expectedSignature = hmac(keys.serverKey, authMessage);
    const proof = xorKeys(keys.clientKey, hmac(keys.storedKey, authMessage));
    return messageBytes(`${withoutProof},p=${proof.toString("base64")}`);
  }

  /**
   * Takes server-final-message: proof that the server knows the verifier.
   * @throws ScramError when it does not
   */
  finish(message: Uint8Array): void {
    const expected = this.#expectedSignature;
    if (expected === undefined) throw new ScramError("malformed", "SCRAM message out of order");
    if (!equalKeys(parseServerFinal(message, SCRAM_KEY_LENGTH), expected)) {
      throw new ScramError("mismatch", "incorrect SCRAM server signature");
    }
  }

  #keysFor({ salt, iterations }: ServerFirst): UsableKeys {
    if ("password" in this.#options) {
      return passwordKeys.derive(this.#options.password, salt, iterations);
    }
    const { keys } = this.#options;
    if (!keys.salt.equals(salt) || keys.iterations !== iterations) {
      throw new ScramError("mismatch", "the server holds a different SCRAM verifier");
    }
    return keys;
  }

  #bindingData(): string {
    const plus = this.#gs2Header.startsWith("p");
    const data = plus ? this.#options.channelBinding ?? new Uint8Array() : new Uint8Array();
    return Buffer.concat([messageBytes(this.#gs2Header), data]).toString("base64");
  }
}
