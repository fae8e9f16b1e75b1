import type { SamplingParams } from '../../contracts/generator.js';
import { Candidates } from './candidates.js';
import { draw } from './draw.js';
import type { TokenMask } from './grammar/masks.js';
import { createRandom, type Random } from './random.js';
import type { VocabularyScan } from './vocabulary-scan.js';

/** What all samplers of a process share, because they run one after another. */
export interface SamplingScratch {
  readonly scan: VocabularyScan;
  readonly logits: Float32Array;
  readonly candidates: Candidates;
}

export function createScratch(vocabSize: number, scan: VocabularyScan): SamplingScratch {
  return { scan, logits: new Float32Array(vocabSize), candidates: new Candidates(vocabSize, scan) };
}

/**
 * Draws the tokens of one answer. In this order: logit bias, repetition penalty over prompt and answer (Keskar et al.
 * 2019), presence and frequency penalties over the answer (OpenAI), then what draw.ts does.
 */
export class Sampler {
  readonly #params: SamplingParams;
  readonly #scratch: SamplingScratch;
  readonly #random: Random;
  readonly #bias: readonly (readonly [number, number])[];
  readonly #seen: Set<number>;
  readonly #counts = new Map<number, number>();

  /** @param fallbackSeed used where the request names no seed */
  constructor(params: SamplingParams, promptIds: Iterable<number>, scratch: SamplingScratch, fallbackSeed: number) {
    this.#params = params;
    this.#scratch = scratch;
    this.#random = createRandom(params.seed ?? fallbackSeed);
    this.#bias = Object.entries(params.logitBias).map(([id, bias]) => [Number(id), bias]);
    this.#seen = new Set(params.repetitionPenalty === 1 ? [] : promptIds);
  }

  /**
   * Next token of `logits`, which stay as they are.
   * @param allowed the only ones that may come; null: all may
   * @param mask the same, of many
   * @throws Error when no logit is finite
   */
  sample(logits: Float32Array, allowed: readonly number[] | null = null, mask: TokenMask | null = null): number {
    const adjusted = this.#adjust(logits, allowed, mask);
    const { scan, candidates } = this.#scratch;
    const max = largestOf(adjusted, scan);
    const id =
      this.#params.temperature === 0
        ? firstOf(adjusted, max, candidates)
        : draw(adjusted, max, this.#params, this.#scratch, this.#random());
    this.#counts.set(id, (this.#counts.get(id) ?? 0) + 1);
    if (this.#params.repetitionPenalty !== 1) this.#seen.add(id);
    return id;
  }

  #adjust(logits: Float32Array, allowed: readonly number[] | null, mask: TokenMask | null): Float32Array {
    const { repetitionPenalty, presencePenalty, frequencyPenalty } = this.#params;
    const penalized = presencePenalty !== 0 || frequencyPenalty !== 0;
    if (!penalized && this.#seen.size === 0 && this.#bias.length === 0 && allowed === null && mask === null)
      return logits;
    const adjusted = this.#scratch.logits;
    if (mask !== null) copyMasked(logits, mask, adjusted);
    else if (allowed === null) adjusted.set(logits);
    else {
      adjusted.fill(Number.NEGATIVE_INFINITY);
      for (const id of allowed) adjusted[id] = logits[id]!;
    }
    for (const [id, bias] of this.#bias) adjusted[id]! += bias;
    for (const id of this.#seen) {
      const logit = adjusted[id]!;
      adjusted[id] = logit > 0 ? logit / repetitionPenalty : logit * repetitionPenalty;
    }
    if (penalized) {
      for (const [id, count] of this.#counts) adjusted[id]! -= presencePenalty + frequencyPenalty * count;
    }
    return adjusted;
  }
}

/** Those that may come as they are, the others minus infinity. */
function copyMasked(logits: Float32Array, { bits, count }: TokenMask, into: Float32Array): void {
  if (count === 0) throw new Error('the grammar lets no token come');
  const isFew = 2 * count < logits.length;
  if (isFew) into.fill(Number.NEGATIVE_INFINITY);
  else into.set(logits);
  for (let word = 0; word < bits.length; word++) {
    let odd = isFew ? bits[word]! : ~bits[word]!;
    while (odd !== 0) {
      const id = 32 * word + (31 - Math.clz32(odd & -odd));
      if (id >= logits.length) break;
      into[id] = isFew ? logits[id]! : Number.NEGATIVE_INFINITY;
      odd &= odd - 1;
    }
  }
}

/** @throws Error when no logit is finite */
export function largestOf(logits: Float32Array, scan: VocabularyScan): number {
  const largest = scan.largest(logits);
  if (!Number.isFinite(largest)) throw new Error('the model gave no finite logit');
  return largest;
}

/** The smallest id of the largest logit. */
function firstOf(logits: Float32Array, max: number, candidates: Candidates): number {
  candidates.reset(logits, max, max);
  return candidates.nextBand()![0]!;
}
