/**
 * Passes over the logits of one row, 152,000 numbers with some models: all that sampling needs of them beside the few
 * that matter. A NaN is smaller than everything.
 */
export interface VocabularyScan {
  /** All of it takes less than a hundredth of a step. */
  readonly isQuick: boolean;
  /** The largest logit; minus infinity where none is a number. */
  largest(logits: Float32Array): number;
  /** The sum of e^((logit - largest) / temperature). */
  sumOfExponentials(logits: Float32Array, largest: number, temperature: number): number;
  /** Puts the ids of the logits in `[lower, below)` into `ids`, in their order, and returns their number. */
  idsWithin(logits: Float32Array, lower: number, below: number, ids: Int32Array): number;
}

/** Where our own library is not built. It takes 2 ms over 152,000 logits, mostly for exponentials, instead of 0.1. */
export const plainScan: VocabularyScan = {
  isQuick: false,

  largest(logits) {
    let largest = Number.NEGATIVE_INFINITY;
    for (const logit of logits) if (logit > largest) largest = logit;
    return largest;
  },

  sumOfExponentials(logits, largest, temperature) {
    let sum = 0;
    for (const logit of logits) if (!Number.isNaN(logit)) sum += Math.exp((logit - largest) / temperature);
    return sum;
  },

  idsWithin(logits, lower, below, ids) {
    let count = 0;
    for (let id = 0; id < logits.length; id++) {
      const logit = logits[id]!;
      if (logit >= lower && logit < below) ids[count++] = id;
    }
    return count;
  },
};
