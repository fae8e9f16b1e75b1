import type { GeneratedToken, TokenLogprob } from '../../contracts/generator.js';
import { largestOf, type SamplingScratch } from './sampler.js';
import type { Vocabulary } from './vocabulary.js';

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
  const max = largestOf(logits, scan);
  const normalizer = max + Math.log(scan.sumOfExponentials(logits, max, 1));
  const describe = (id: number): TokenLogprob => {
    const bytes = vocabulary.bytes(id);
    return {
      id,
      token: new TextDecoder().decode(bytes),
      bytes: Array.from(bytes),
      logprob: logits[id]! - normalizer,
    };
  };
  candidates.reset(logits, max);
  return { ...describe(drawn), top: candidates.take(count).map(describe) };
}
