import type { SamplingParams } from '../../contracts/generator.js';
import type { Candidates } from './candidates.js';
import type { VocabularyScan } from './vocabulary-scan.js';

/**
 * Draws one id by temperature, min-p (Nguyen et al. 2024), top-k, and top-p (Holtzman et al. 2019) over what is left.
 * Exactly the distribution that a sort of the whole vocabulary would give, without one: the sum of all weights is one
 * pass, and the ids that it can be come from the band of logits near the largest, further bands only as far as needed.
 * @param max the largest of `logits`
 * @param share in [0, 1): which part of the mass the id lies in
 */
export function draw(
  logits: Float32Array,
  max: number,
  { temperature, topK, topP, minP }: SamplingParams,
  { scan, candidates }: { readonly scan: VocabularyScan; readonly candidates: Candidates },
  share: number,
): number {
  const threshold = minP > 0 ? max + temperature * Math.log(minP) : Number.NEGATIVE_INFINITY;
  const weightOf = (id: number) => Math.exp((logits[id]! - max) / temperature);
  const restart = () => candidates.reset(logits, max, threshold);
  restart();
  if (topK > 0) {
    const ids = candidates.take(topK);
    const weights = ids.map(weightOf);
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return pickOfNucleus((rank) => ids[rank], weightOf, topP * total, share);
  }
  const total = minP > 0 ? massOf(candidates, weightOf) : scan.sumOfExponentials(logits, max, temperature);
  restart();
  if (topP < 1) return pickOfNucleus(() => candidates.pop(), weightOf, topP * total, share);
  return pickOfAll(candidates, weightOf, share * total);
}

/** Of the likeliest ids that reach `mass` together, one at least. @param idAt in descending order, called once a rank */
function pickOfNucleus(
  idAt: (rank: number) => number | undefined,
  weightOf: (id: number) => number,
  mass: number,
  share: number,
): number {
  const ids: number[] = [];
  /** Running sums of the weights. */
  const sums: number[] = [];
  let sum = 0;
  do {
    const id = idAt(ids.length);
    if (id === undefined) break;
    ids.push(id);
    sums.push((sum += weightOf(id)));
  } while (sum < mass);
  return ids[sums.findIndex((reached) => reached > share * sum)]!;
}

function massOf(candidates: Candidates, weightOf: (id: number) => number): number {
  let mass = 0;
  for (let band = candidates.nextBand(); band !== null; band = candidates.nextBand()) {
    for (const id of band) mass += weightOf(id);
  }
  return mass;
}

/** The id at which the running sum of weights passes `target`; rounding cannot carry it past the last one. */
function pickOfAll(candidates: Candidates, weightOf: (id: number) => number, target: number): number {
  let rest = target;
  let last = 0;
  for (let band = candidates.nextBand(); band !== null; band = candidates.nextBand()) {
    for (const id of band) {
      const weight = weightOf(id);
      if (weight === 0) continue;
      last = id;
      rest -= weight;
      if (rest < 0) return id;
    }
  }
  return last;
}
