/** Wrong passwords after which the answers to further ones are held back. */
const FREE_FAILURES = 3;
/** How long the first answer is held back, doubled with each further one, in milliseconds. */
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 8000;
/** Answers held back at a time for one address; nothing more is checked until they are out. */
const MOST_HELD = 4;
/** After so long without a wrong password an address starts anew, in milliseconds. */
const FORGET_MS = 600_000;
/** Addresses remembered at a time; beyond that the one longest silent is forgotten. */
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
    return (this.#offenders.get(address)?.held ?? 0) < MOST_HELD;
  }

  /** A password was wrong. Gives how long to hold the answer back, in milliseconds. */
  failed(address: string): number {
    const offender = this.#known(address);
    offender.failures++;
    offender.lastFailure = this.#now();
    // The order of the map is that of the last failures.
    this.#offenders.delete(address);
    this.#offenders.set(address, offender);
    this.#forgetOldest();
    const over = offender.failures - FREE_FAILURES;
    if (over <= 0) return 0;
    offender.held++;
    return Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (over - 1));
  }

  /** An answer that was held back is out. */
  answered(address: string): void {
    const offender = this.#offenders.get(address);
    if (offender !== undefined) offender.held = Math.max(0, offender.held - 1);
  }

  #known(address: string): Offender {
    const known = this.#offenders.get(address);
    const isFresh = known !== undefined && this.#now() - known.lastFailure < FORGET_MS;
    return isFresh ? known : { failures: 0, held: known?.held ?? 0, lastFailure: 0 };
  }

  #forgetOldest(): void {
    if (this.#offenders.size <= MOST_ADDRESSES) return;
    for (const address of this.#offenders.keys()) {
      this.#offenders.delete(address);
      return;
    }
  }
}
