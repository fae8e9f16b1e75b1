/** Samples that are drawn of the sample. */
const RESAMPLES = 2000;
/** Of which the middle share is between the two ends. */
const LEVEL = 0.95;

export interface Interval {
  readonly low: number;
  readonly high: number;
}

/**
 * Where the mean of what the values are a sample of lies, 19 times out of 20 (percentile bootstrap: Efron, Annals of Statistics 7, 1979).
 * The same values give the same interval. @param values at least one
 */
export function meanInterval(values: readonly number[]): Interval {
  const random = randomFrom(values.length);
  const means = Float64Array.from({ length: RESAMPLES }, () => {
    let sum = 0;
    for (let i = 0; i < values.length; i++) sum += values[Math.floor(random() * values.length)]!;
    return sum / values.length;
  }).sort();
  const outside = Math.floor(((1 - LEVEL) / 2) * RESAMPLES);
  return { low: means[outside]!, high: means[RESAMPLES - 1 - outside]! };
}

/** Numbers from 0 to 1 that look random: a Weyl sequence, mixed (the finalizer of MurmurHash3). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let x = state;
    x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
    return ((x ^ (x >>> 16)) >>> 0) / 2 ** 32;
  };
}
