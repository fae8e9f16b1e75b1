/** Retries, as a share of what is asked, so that a pool in trouble is not asked all the more (Finagle's retry budget). */
export class RetryBudget {
  readonly #share: number;
  #saved = RESERVE;

  /** @param share retries for each request, 0 … 1 */
  constructor(share: number) {
    this.#share = share;
  }

  asked(): void {
    this.#saved = Math.min(MOST_SAVED, this.#saved + this.#share);
  }

  /** Whether there is one left; it is spent then. */
  take(): boolean {
    if (this.#saved < 1) return false;
    this.#saved -= 1;
    return true;
  }
}

/** What a pool that was asked little has all the same. */
const RESERVE = 10;
const MOST_SAVED = 100;
