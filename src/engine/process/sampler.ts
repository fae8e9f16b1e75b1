import type { SamplingParams } from '../../contracts/generator.js';
import { Candidates } from './candidates.js';
import { createRandom, type Random } from './random.js';

/** Memory that all samplers of a process share, because they run one after another. */
export interface SamplingScratch {
  readonly logits: Float32Array;
  readonly weights: Float32Array;
  readonly candidates: Candidates;
}

export function createScratch(vocabSize: number): SamplingScratch {
  return {
    logits: new Float32Array(vocabSize),
    weights: new Float32Array(vocabSize),
    candidates: new Candidates(vocabSize),
  };
}

/**
 * Draws the tokens of one answer. In this order: logit bias, repetition penalty over prompt and answer (Keskar et al.
 * 2019), presence and frequency penalties over the answer (OpenAI), temperature, min-p (Nguyen et al. 2024), top-k,
 * top-p (Holtzman et al. 2019) over what is left.
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

  /** Next token of `logits`, which stay as they are. @throws Error when no logit is finite */
  sample(logits: Float32Array): number {
    const adjusted = this.#adjust(logits);
    const best = argmax(adjusted);
    const id = this.#params.temperature === 0 ? best : draw(adjusted, best, this.#params, this.#scratch, this.#random);
    this.#counts.set(id, (this.#counts.get(id) ?? 0) + 1);
    if (this.#params.repetitionPenalty !== 1) this.#seen.add(id);
    return id;
  }

  #adjust(logits: Float32Array): Float32Array {
    const { repetitionPenalty, presencePenalty, frequencyPenalty } = this.#params;
    const penalized = presencePenalty !== 0 || frequencyPenalty !== 0;
    if (!penalized && this.#seen.size === 0 && this.#bias.length === 0) return logits;
    const adjusted = this.#scratch.logits;
    adjusted.set(logits);
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

/** Id of the largest logit, the smallest id among equals. @throws Error when no logit is finite */
export function argmax(logits: Float32Array): number {
  let best = -1;
  let max = Number.NEGATIVE_INFINITY;
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id]!;
    if (logit > max) {
      max = logit;
      best = id;
    }
  }
  if (best === -1 || max === Number.POSITIVE_INFINITY) throw new Error('the model gave no finite logit');
  return best;
}

function draw(
  logits: Float32Array,
  best: number,
  { temperature, topK, topP, minP }: SamplingParams,
  { weights, candidates }: SamplingScratch,
  random: Random,
): number {
  const max = logits[best]!;
  const threshold = minP > 0 ? max + temperature * Math.log(minP) : Number.NEGATIVE_INFINITY;
  let total = 0;
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id]!;
    total += weights[id] = logit >= threshold ? Math.exp((logit - max) / temperature) : 0;
  }
  if (topK === 0 && topP >= 1) return pick(weights.keys(), weights, random() * total);

  candidates.reset(logits, max, threshold);
  const ranked = topK > 0 ? take(candidates, topK) : null;
  if (ranked) total = ranked.reduce((sum, id) => sum + weights[id]!, 0);
  const nucleus: number[] = [];
  let mass = 0;
  do {
    const id = ranked ? ranked[nucleus.length] : candidates.pop();
    if (id === undefined) break;
    nucleus.push(id);
    mass += weights[id]!;
  } while (mass < topP * total);
  return pick(nucleus, weights, random() * mass);
}

/** The `count` best candidates, or all where there are fewer. */
export function take(candidates: Candidates, count: number): number[] {
  const ids: number[] = [];
  while (ids.length < count) {
    const id = candidates.pop();
    if (id === undefined) break;
    ids.push(id);
  }
  return ids;
}

/** The id at which the running sum of weights passes `target`; rounding cannot carry it past the last one. */
function pick(ids: Iterable<number>, weights: Float32Array, target: number): number {
  let rest = target;
  let last = 0;
  for (const id of ids) {
    if (weights[id] === 0) continue;
    last = id;
    rest -= weights[id]!;
    if (rest < 0) return id;
  }
  return last;
}
