/** How a checkpoint stretches its rotary positions. */
export type RopeScaling =
  | { readonly kind: 'none' }
  | { readonly kind: 'linear'; readonly factor: number }
  | {
      readonly kind: 'llama3';
      readonly factor: number;
      readonly lowFrequencyFactor: number;
      readonly highFrequencyFactor: number;
      readonly originalPositions: number;
    }
  | {
      readonly kind: 'yarn';
      readonly factor: number;
      readonly originalPositions: number;
      /** Turns in the original context from which on a wave is not stretched, and up to which it is stretched in full. */
      readonly fastTurns: number;
      readonly slowTurns: number;
      /** What rotated queries and keys are multiplied with. */
      readonly magnitude: number;
    }
  /** One divisor a frequency, worked out by whoever wrote the file. */
  | { readonly kind: 'divisors'; readonly divisors: readonly number[] };

/** What YaRN's authors found best (Peng et al., 2023). */
export const FAST_TURNS = 32;
export const SLOW_TURNS = 1;
export const yarnMagnitude = (factor: number, scale: number): number =>
  factor <= 1 ? 1 : 0.1 * scale * Math.log(factor) + 1;

/** Angle a position adds to each rotated pair of a head: `headDim / 2` numbers. */
export function inverseFrequencies(theta: number, headDim: number, scaling: RopeScaling): Float64Array {
  return Float64Array.from({ length: headDim / 2 }, (_, i) => {
    const frequency = theta ** ((-2 * i) / headDim);
    switch (scaling.kind) {
      case 'none':
        return frequency;
      case 'linear':
        return frequency / scaling.factor;
      case 'divisors':
        return frequency / scaling.divisors[i]!;
      case 'llama3': {
        // Llama 3.1's rule: long waves are stretched by the factor, short ones not at all, and between the two
        // bounds the share of stretching falls linearly with the number of turns in the original context.
        const turns = (scaling.originalPositions * frequency) / (2 * Math.PI);
        const span = scaling.highFrequencyFactor - scaling.lowFrequencyFactor;
        const share = Math.min(1, Math.max(0, (turns - scaling.lowFrequencyFactor) / span));
        return frequency * (share + (1 - share) / scaling.factor);
      }
      case 'yarn': {
        // As llama3's, but the share falls linearly with the index of the frequency, between whole ones.
        const { factor, originalPositions, fastTurns, slowTurns } = scaling;
        const indexOf = (turns: number) =>
          (headDim * Math.log(originalPositions / (turns * 2 * Math.PI))) / (2 * Math.log(theta));
        const low = Math.max(0, Math.floor(indexOf(fastTurns)));
        const high = Math.min(headDim - 1, Math.ceil(indexOf(slowTurns)));
        const stretch = Math.min(1, Math.max(0, (i - low) / Math.max(0.001, high - low)));
        return frequency * (1 - stretch + stretch / factor);
      }
    }
  });
}

/** Cosines and sines of every position times `magnitude`, `[positions, headDim / 2]` each. */
export function rotaryTables(
  frequencies: Float64Array,
  positions: number,
  magnitude = 1,
): { cos: Float32Array; sin: Float32Array } {
  const half = frequencies.length;
  const cos = new Float32Array(positions * half);
  const sin = new Float32Array(positions * half);
  for (let position = 0; position < positions; position++) {
    for (let i = 0; i < half; i++) {
      const angle = position * frequencies[i]!;
      cos[position * half + i] = magnitude * Math.cos(angle);
      sin[position * half + i] = magnitude * Math.sin(angle);
    }
  }
  return { cos, sin };
}
