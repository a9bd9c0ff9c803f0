import { createHash, createHmac, pbkdf2Sync, randomBytes } from "node:crypto";

/** What a client says of channel binding (RFC 5802, gs2-cbind-flag), by default nothing. */
export interface ChannelBinding {
  /** `n`: not supported, `y`: not offered by the server, `p=…`: used. */
  readonly flag: string;
  /** Of the connection (tls-server-end-point), with `p=…`. */
  readonly data?: Uint8Array;
}

/** One client side of SCRAM-SHA-256 (RFC 5802, RFC 7677), for tests. */
export class ScramExchange {
  readonly first: string;
  readonly #channel: string;
  readonly #bare: string;
  readonly #password: string;
  #serverSignature = "";

  constructor(
    password: string,
    nonce = randomBytes(18).toString("base64"),
    { flag, data = new Uint8Array() }: ChannelBinding = { flag: "n" },
  ) {
    this.#password = password;
    this.#bare = `n=,r=${nonce}`;
    this.first = `${flag},,${this.#bare}`;
    this.#channel = Buffer.concat([Buffer.from(`${flag},,`), data]).toString("base64");
  }

  /** The answer to the server's first message. */
  final(serverFirst: string): string {
    const { r = "", s = "", i = "1" } = attributes(serverFirst);
    const salted = pbkdf2Sync(this.#password, Buffer.from(s, "base64"), Number(i), 32, "sha256");
    const withoutProof = `c=${this.#channel},r=${r}`;
    const authMessage = `${this.#bare},${serverFirst},${withoutProof}`;
    const clientKey = hmac(salted, "Client Key");
    const signature = hmac(createHash("sha256").update(clientKey).digest(), authMessage);
    const proof = clientKey.map((byte, at) => byte ^ (signature[at] ?? 0));
    this.#serverSignature = hmac(hmac(salted, "Server Key"), authMessage).toString("base64");
    return `${withoutProof},p=${Buffer.from(proof).toString("base64")}`;
  }

  /** Whether the server's last message proves that it knows the password too. */
  verify(serverFinal: string): boolean {
    return attributes(serverFinal)["v"] === this.#serverSignature;
  }
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}

function attributes(text: string): Record<string, string> {
  return Object.fromEntries(text.split(",").map((part) => [part.charAt(0), part.slice(2)]));
}
