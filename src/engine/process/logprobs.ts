import type { GeneratedToken, TokenLogprob } from '../../contracts/generator.js';
import type { Candidates } from './candidates.js';
import { argmax, take } from './sampler.js';
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
  candidates: Candidates,
): GeneratedToken {
  const max = logits[argmax(logits)]!;
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - max);
  const normalizer = max + Math.log(sum);
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
  return { ...describe(drawn), top: take(candidates, count).map(describe) };
}
