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
  /** One divisor a frequency, worked out by whoever wrote the file. */
  | { readonly kind: 'divisors'; readonly divisors: readonly number[] };

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
    }
  });
}

/** Cosines and sines of every position, `[positions, headDim / 2]` each. */
export function rotaryTables(frequencies: Float64Array, positions: number): { cos: Float32Array; sin: Float32Array } {
  const half = frequencies.length;
  const cos = new Float32Array(positions * half);
  const sin = new Float32Array(positions * half);
  for (let position = 0; position < positions; position++) {
    for (let i = 0; i < half; i++) {
      const angle = position * frequencies[i]!;
      cos[position * half + i] = Math.cos(angle);
      sin[position * half + i] = Math.sin(angle);
    }
  }
  return { cos, sin };
}
