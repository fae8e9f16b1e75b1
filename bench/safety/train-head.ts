/** A network of one hidden layer over vectors, trained with Adam (Kingma and Ba, 2015) on the logistic loss. */
import { randomNumbers } from '../retrieval/random.js';

export interface Head {
  /** Of the hidden layer: a row of weights a unit, one behind the other. */
  readonly hidden: Float32Array;
  readonly hiddenBias: Float32Array;
  readonly output: Float32Array;
  readonly outputBias: number;
}

export interface Example {
  readonly vector: Float32Array;
  readonly isPositive: boolean;
  /** How much it counts. */
  readonly weight: number;
}

const UNITS = 32;
const EPOCHS = 24;
const BATCH = 64;
const RATE = 2e-3;
/** Weight decay, as AdamW has it: keeps the head from learning the training texts by heart. */
const DECAY = 3e-2;
const [BETA1, BETA2, EPSILON] = [0.9, 0.999, 1e-8];

/** The same examples in the same order give the same head. */
export function trainHead(examples: readonly Example[], seed: number): Head {
  const inputs = examples[0]!.vector.length;
  const random = randomNumbers(seed);
  const size = UNITS * inputs + UNITS + UNITS + 1;
  const values = Float64Array.from({ length: size }, (_, i) => {
    if (i < UNITS * inputs) return (random() * 2 - 1) * Math.sqrt(6 / inputs) * 4;
    return i >= UNITS * inputs + UNITS && i < size - 1 ? (random() * 2 - 1) * Math.sqrt(6 / UNITS) : 0;
  });
  const [first, second, gradient] = [new Float64Array(size), new Float64Array(size), new Float64Array(size)];
  const active = new Float64Array(UNITS);
  const order = examples.map((_, index) => index);
  const [biasAt, outputAt] = [UNITS * inputs, UNITS * inputs + UNITS];
  let step = 0;

  const learn = ({ vector, isPositive, weight }: Example): void => {
    let sum = values[size - 1]!;
    for (let unit = 0; unit < UNITS; unit++) {
      let activation = values[biasAt + unit]!;
      const row = unit * inputs;
      for (let i = 0; i < inputs; i++) activation += values[row + i]! * vector[i]!;
      active[unit] = Math.max(0, activation);
      sum += active[unit]! * values[outputAt + unit]!;
    }
    const error = weight * (1 / (1 + Math.exp(-sum)) - Number(isPositive));
    gradient[size - 1]! += error;
    for (let unit = 0; unit < UNITS; unit++) {
      if (active[unit] === 0) continue;
      gradient[outputAt + unit]! += error * active[unit]!;
      const back = error * values[outputAt + unit]!;
      gradient[biasAt + unit]! += back;
      const row = unit * inputs;
      for (let i = 0; i < inputs; i++) gradient[row + i]! += back * vector[i]!;
    }
  };

  const apply = (count: number, rate: number): void => {
    step += 1;
    const [scale1, scale2] = [1 - BETA1 ** step, 1 - BETA2 ** step];
    for (let i = 0; i < size; i++) {
      const slope = gradient[i]! / count;
      first[i] = BETA1 * first[i]! + (1 - BETA1) * slope;
      second[i] = BETA2 * second[i]! + (1 - BETA2) * slope * slope;
      values[i]! -= rate * (first[i]! / scale1 / (Math.sqrt(second[i]! / scale2) + EPSILON) + DECAY * values[i]!);
    }
    gradient.fill(0);
  };

  for (let epoch = 0; epoch < EPOCHS; epoch++) {
    for (let i = order.length - 1; i > 0; i--) {
      const other = Math.floor(random() * (i + 1));
      [order[i], order[other]] = [order[other]!, order[i]!];
    }
    const rate = RATE * (1 - epoch / EPOCHS);
    for (let from = 0; from < order.length; from += BATCH) {
      const batch = order.slice(from, from + BATCH);
      for (const index of batch) learn(examples[index]!);
      apply(batch.length, rate);
    }
  }
  return {
    hidden: Float32Array.from(values.subarray(0, biasAt)),
    hiddenBias: Float32Array.from(values.subarray(biasAt, outputAt)),
    output: Float32Array.from(values.subarray(outputAt, size - 1)),
    outputBias: values[size - 1]!,
  };
}

/** The chance that a positive example has a higher score than a negative one (Mann and Whitney, 1947). */
export function areaUnderCurve(scored: readonly { readonly score: number; readonly isPositive: boolean }[]): number {
  const sorted = [...scored].sort((a, b) => a.score - b.score);
  let ranks = 0;
  for (let from = 0; from < sorted.length; ) {
    let to = from;
    while (to < sorted.length && sorted[to]!.score === sorted[from]!.score) to++;
    for (let i = from; i < to; i++) if (sorted[i]!.isPositive) ranks += (from + to + 1) / 2;
    from = to;
  }
  const positives = sorted.filter(({ isPositive }) => isPositive).length;
  return (ranks - (positives * (positives + 1)) / 2) / (positives * (sorted.length - positives));
}
