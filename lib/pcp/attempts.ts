import { isIPv6 } from "node:net";
import { parseIpv6 } from "../net/ipv6.ts";

/** Wrong passwords after which the answers to further ones are held back. */
const FREE_FAILURES = 3;
/** How long the first answer is held back, doubled with each further one, in milliseconds. */
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 8000;
/** Answers held back at a time for one address; nothing more is checked until they are out. */
const MOST_HELD = 4;
/** After so long without a wrong password an address starts anew, in milliseconds. */
const FORGET_MS = 600_000;
/** Networks remembered at a time; beyond that the one longest silent is forgotten. */
const MOST_ADDRESSES = 1000;

interface Offender {
  failures: number;
  held: number;
  lastFailure: number;
}

/**
 * Slows down the guessing of passwords, for each address by itself. Who knows the password is let
 * in at once, unless many guesses from the same address are being answered just then.
 */
export class FailedAttempts {
  readonly #offenders = new Map<string, Offender>();
  readonly #now: () => number;

  /** @param now a clock in milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Whether a password from this address is looked at. */
  mayTry(address: string): boolean {
    return (this.#offenders.get(networkOf(address))?.held ?? 0) < MOST_HELD;
  }

  /** A password was wrong. Gives how long to hold the answer back, in milliseconds. */
  failed(address: string): number {
    const network = networkOf(address);
    const offender = this.#known(network);
    offender.failures++;
    offender.lastFailure = this.#now();
    // The order of the map is that of the last failures.
    this.#offenders.delete(network);
    this.#offenders.set(network, offender);
    this.#forgetOldest();
    const over = offender.failures - FREE_FAILURES;
    if (over <= 0) return 0;
    offender.held++;
    return Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (over - 1));
  }

  /** An answer that was held back is out. */
  answered(address: string): void {
    const offender = this.#offenders.get(networkOf(address));
    if (offender !== undefined) offender.held = Math.max(0, offender.held - 1);
  }

  /**
   * A password from this address was wrong: done when it may be answered.
   *
   * @param pause lets that many milliseconds go by
   */
  async holdBack(address: string, pause: (milliseconds: number) => Promise<void>): Promise<void> {
    const milliseconds = this.failed(address);
    if (milliseconds === 0) return;
    try {
      await pause(milliseconds);
    } finally {
      this.answered(address);
    }
  }

  #known(network: string): Offender {
    const known = this.#offenders.get(network);
    const isFresh = known !== undefined && this.#now() - known.lastFailure < FORGET_MS;
    return isFresh ? known : { failures: 0, held: known?.held ?? 0, lastFailure: 0 };
  }

  #forgetOldest(): void {
    if (this.#offenders.size <= MOST_ADDRESSES) return;
    for (const network of this.#offenders.keys()) {
      this.#offenders.delete(network);
      return;
    }
  }
}

/** Whoever has one IPv6 address has 2^64 of them: the first half stands for all. */
function networkOf(address: string): string {
  const [plain = ""] = address.split("%");
  return isIPv6(plain) ? Buffer.from(parseIpv6(plain).subarray(0, 8)).toString("hex") : address;
}
