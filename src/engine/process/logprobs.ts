import type { GeneratedToken, TokenLogprob } from '../../contracts/generator.js';
import { largestOf, type SamplingScratch } from './sampler.js';
import type { Vocabulary } from './vocabulary.js';
import type { VocabularyScan } from './vocabulary-scan.js';

/** What is taken from a logit for its log probability. */
export function normalizerOf(logits: Float32Array, scan: VocabularyScan): number {
  const max = largestOf(logits, scan);
  return max + Math.log(scan.sumOfExponentials(logits, max, 1));
}

/**
 * Log probabilities of the model itself, before bias, penalties and temperature: of the token that was drawn and of the
 * `count` most likely ones.
 */
export function logprobsOf(
  logits: Float32Array,
  drawn: number,
  count: number,
  vocabulary: Vocabulary,
  { scan, candidates }: SamplingScratch,
): GeneratedToken {
  const normalizer = normalizerOf(logits, scan);
  const describe = (id: number): TokenLogprob => {
    const bytes = vocabulary.bytes(id);
    return {
      id,
      token: new TextDecoder().decode(bytes),
      bytes: Array.from(bytes),
      logprob: logits[id]! - normalizer,
    };
  };
  candidates.reset(logits, largestOf(logits, scan));
  return { ...describe(drawn), top: candidates.take(count).map(describe) };
}
