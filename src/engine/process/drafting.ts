/** Tokens drafted at most behind the next one. */
export const LONGEST_DRAFT = 8;

/** Acceptance that a request is credited with before anything is known of it. */
const INITIAL_ACCEPTANCE = 0.8;

/** Weight of one drafted token in the moving average. */
const LEARNING_RATE = 0.15;

/** Share of its time that a request may lose to finding out whether drafting pays by now. */
const CURIOSITY = 0.01;

/** A run of the model over `n` tokens takes about `fixedMs + n * tokenMs`. */
export interface StepCost {
  readonly fixedMs: number;
  readonly tokenMs: number;
}

/**
 * How many tokens to draft for one request, from how many were accepted so far.
 *
 * With R rows that draft d tokens each, a step takes F + R(1 + d)s: F whatever happens, s for each token. A row gets
 * 1 + p + … + p^d tokens out of it, p being the chance that a drafted token is right if those before it were. The
 * i-th drafted token pays as long as it comes at a better rate than the tokens before it:
 *
 *     p^i / (R s)  >  (1 + p + … + p^(i-1)) / (F + i R s)
 *
 * For the first that is p > R s / (F + R s), its break-even against not drafting at all. p^i falls and the right side
 * rises, so the first token that does not pay ends the draft.
 *
 * (Leviathan et al., "Fast Inference from Transformers via Speculative Decoding", ICML 2023, with the cost of a token
 * of its own in a batch.)
 */
export class DraftControl {
  #acceptance = INITIAL_ACCEPTANCE;

  /** Tokens worth drafting in a step with so many answering rows; 0 = off. */
  length(rows: number, { fixedMs, tokenMs }: StepCost): number {
    const draftMs = rows * tokenMs;
    let stepMs = fixedMs + draftMs;
    let tokens = 1;
    let chance = this.#acceptance;
    let length = 0;
    while (length < LONGEST_DRAFT && chance * stepMs > tokens * draftMs) {
      stepMs += draftMs;
      tokens += chance;
      chance *= this.#acceptance;
      length++;
    }
    return length;
  }

  /**
   * What became of a step's draft; to be called for steps without one too. The average then rises slowly up to where it
   * started, so that drafting is tried again. A try that fails takes at least a break-even's share of LEARNING_RATE
   * off, and costs a break-even's share of a step: so it costs CURIOSITY of the time, whatever the break-even is.
   */
  verified(drafted: number, accepted: number): void {
    if (drafted === 0) {
      const risen = Math.min(this.#acceptance + CURIOSITY * LEARNING_RATE, INITIAL_ACCEPTANCE);
      this.#acceptance = Math.max(this.#acceptance, risen);
      return;
    }
    this.#acceptance = 1 - (1 - this.#acceptance) * (1 - LEARNING_RATE) ** accepted;
    // Tokens behind the first wrong one were not put to the test.
    if (accepted < drafted) this.#acceptance *= 1 - LEARNING_RATE;
  }
}
