import type { Certainty } from '../../contracts/generator.js';
import { normalizerOf } from './logprobs.js';
import type { VocabularyScan } from './vocabulary-scan.js';

/** Gathers how sure the model was of the tokens that were drawn, where that costs next to nothing. */
export class CertaintySum {
  readonly #scan: VocabularyScan;
  #sum = 0;
  #least = 0;
  #tokens = 0;

  constructor(scan: VocabularyScan) {
    this.#scan = scan;
  }

  add(logits: Float32Array, drawn: number): void {
    if (!this.#scan.isQuick) return;
    const logprob = logits[drawn]! - normalizerOf(logits, this.#scan);
    this.#sum += logprob;
    this.#least = Math.min(this.#least, logprob);
    this.#tokens++;
  }

  /** null where no token was drawn, or it would have cost too much. */
  value(): Certainty | null {
    return this.#tokens === 0 ? null : { mean: this.#sum / this.#tokens, least: this.#least };
  }
}
