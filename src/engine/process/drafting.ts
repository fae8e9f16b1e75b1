import type { StepCost } from './step-cost.js';

/** Tokens drafted at most behind the next one. */
export const LONGEST_DRAFT = 16;

/** Of tokens that are only looked up. */
const INITIAL_ACCEPTANCE = 0.8;

/** Weight of one drafted token in the moving average. */
const LEARNING_RATE = 0.15;

/** Share of its time that a request may lose to finding out whether drafting pays by now. */
const CURIOSITY = 0.01;

/**
 * How many tokens to draft for one request, from how many were accepted so far.
 *
 * With R rows that draft d tokens each, a step has R(1 + d) tokens, and a row gets 1 + p + … + p^d out of it, p being
 * the chance that a drafted token is right if those before it were. Of all d the one is taken that gives most tokens for
 * the time: where reading the weights takes most of a step, a few further tokens cost next to nothing.
 *
 * (Leviathan et al., "Fast Inference from Transformers via Speculative Decoding", ICML 2023, with the cost of a token
 * of its own in a batch.)
 */
export class DraftControl {
  readonly #initial: number;
  #acceptance: number;

  /** @param initial acceptance that a request is credited with before anything is known of it */
  constructor(initial = INITIAL_ACCEPTANCE) {
    this.#initial = initial;
    this.#acceptance = initial;
  }

  /**
   * Tokens worth drafting in a step with so many answering rows; 0 = off.
   * @param longestMs what a step with drafts may take
   */
  length(rows: number, cost: StepCost, longestMs: number): number {
    let tokens = 1;
    let chance = 1;
    let best = { length: 0, rate: 1 / cost.answersMs(rows) };
    for (let length = 1; length <= LONGEST_DRAFT; length++) {
      const stepMs = cost.answersMs(rows * (1 + length));
      if (stepMs > longestMs) break;
      chance *= this.#acceptance;
      tokens += chance;
      if (tokens > best.rate * stepMs) best = { length, rate: tokens / stepMs };
    }
    return best.length;
  }

  /**
   * What became of a step's draft; to be called for steps without one too. The average then rises slowly up to where it
   * started, so that drafting is tried again. A try that fails takes at least a break-even's share of LEARNING_RATE
   * off, and costs a break-even's share of a step: so it costs CURIOSITY of the time, whatever the break-even is.
   */
  verified(drafted: number, accepted: number): void {
    if (drafted === 0) {
      const risen = Math.min(this.#acceptance + CURIOSITY * LEARNING_RATE, this.#initial);
      this.#acceptance = Math.max(this.#acceptance, risen);
      return;
    }
    this.#acceptance = 1 - (1 - this.#acceptance) * (1 - LEARNING_RATE) ** accepted;
    // Tokens behind the first wrong one were not put to the test.
    if (accepted < drafted) this.#acceptance *= 1 - LEARNING_RATE;
  }
}
