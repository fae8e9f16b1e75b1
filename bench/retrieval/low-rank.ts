/** Learns where the passages lie that answer a question, by examples: contrastive, the passages' vectors as they are. */
import { dot } from '../../src/retrieval/search/nearest.js';
import { type LowRank, lowRankMap } from '../../src/retrieval/search/query-map.js';

export interface EmbeddedCollection {
  readonly passages: readonly Float32Array[];
  readonly questions: readonly { readonly vector: Float32Array; readonly right: readonly number[] }[];
}

const RANK = 64;
const STEPS = 600;
const BATCH = 128;
/** Passages of other collections that a question is compared with. Its own are the harder ones, and count more. */
const STRANGERS = 256;
const STRANGER_WEIGHT = 3;
/** How steeply a lower cosine is less likely: about what the embedder was trained with. */
const SHARPNESS = 30;
const RATE = 2e-3;
/** Keeps the map near the identity. */
const DECAY = 0.01;

export function fitLowRank(collections: readonly EmbeddedCollection[], random: () => number): LowRank {
  const size = collections[0]!.passages[0]!.length;
  const pick = <T>(some: readonly T[]): T => some[Math.floor(random() * some.length)]!;
  const examples = collections.flatMap(({ passages, questions }) => questions.map((one) => ({ ...one, passages })));
  const everywhere = collections.flatMap(({ passages }) => passages);
  const zeros = () => new Float32Array(size);
  const map = {
    ins: Array.from({ length: RANK }, () => zeros().map(() => (random() - 0.5) * 0.17)),
    outs: Array.from({ length: RANK }, zeros),
    shift: zeros(),
  };
  const rows = [...map.ins, ...map.outs, map.shift];
  const adam = rows.map((row) => new Adam(row));
  for (let step = 0; step < STEPS; step++) {
    const gradient = { ins: map.ins.map(zeros), outs: map.outs.map(zeros), shift: zeros() };
    const strangers = Array.from({ length: STRANGERS }, () => pick(everywhere));
    for (let n = 0; n < BATCH; n++) addGradient(gradient, map, pick(examples), strangers);
    const rate = RATE * 0.5 * (1 + Math.cos((Math.PI * step) / STEPS));
    for (const [index, slope] of [...gradient.ins, ...gradient.outs, gradient.shift].entries()) {
      const decay = index < 2 * RANK ? 2 * DECAY : 0;
      const row = rows[index]!;
      adam[index]!.step(
        slope.map((value, i) => value / BATCH + decay * row[i]!),
        rate,
      );
    }
  }
  return map;
}

/** Of the negative logarithm of the share that the right passages have of all. */
function addGradient(
  gradient: LowRank,
  map: LowRank,
  { vector, right, passages }: EmbeddedCollection['questions'][number] & Pick<EmbeddedCollection, 'passages'>,
  strangers: readonly Float32Array[],
): void {
  const size = vector.length;
  const along = map.ins.map((direction) => dot(direction, vector));
  const mapped = vector.map((value, i) => value + map.shift[i]!);
  for (const [row, amount] of along.entries()) addTimes(mapped, map.outs[row]!, amount);
  const norm = Math.sqrt(dot(mapped, mapped));
  const query = mapped.map((value) => value / norm);
  const own = passages.map((passage) => Math.exp(SHARPNESS * dot(query, passage)));
  const others = strangers.map((passage) => STRANGER_WEIGHT * Math.exp(SHARPNESS * dot(query, passage)));
  const total = sum(own) + sum(others);
  const ofRight = sum(right.map((index) => own[index]!));
  const slope = new Float32Array(size);
  for (const [index, weight] of own.entries()) addTimes(slope, passages[index]!, (SHARPNESS * weight) / total);
  for (const [index, weight] of others.entries()) addTimes(slope, strangers[index]!, (SHARPNESS * weight) / total);
  for (const index of right) addTimes(slope, passages[index]!, (-SHARPNESS * own[index]!) / ofRight);
  // Of the vector before it was normalised.
  addTimes(slope, query, -dot(query, slope));
  const before = slope.map((value) => value / norm);
  addTimes(gradient.shift, before, 1);
  for (const [row, amount] of along.entries()) {
    addTimes(gradient.outs[row]!, before, amount);
    addTimes(gradient.ins[row]!, vector, dot(map.outs[row]!, before));
  }
}

/** D. P. Kingma and J. Ba, Adam: a method for stochastic optimization (2015). */
class Adam {
  readonly #values: Float32Array;
  readonly #mean: Float32Array;
  readonly #square: Float32Array;
  #steps = 0;

  constructor(values: Float32Array) {
    this.#values = values;
    this.#mean = new Float32Array(values.length);
    this.#square = new Float32Array(values.length);
  }

  step(gradient: Float32Array, rate: number): void {
    this.#steps += 1;
    const [meanBias, squareBias] = [1 - 0.9 ** this.#steps, 1 - 0.999 ** this.#steps];
    for (const [i, slope] of gradient.entries()) {
      this.#mean[i] = 0.9 * this.#mean[i]! + 0.1 * slope;
      this.#square[i] = 0.999 * this.#square[i]! + 0.001 * slope * slope;
      this.#values[i]! -= (rate * (this.#mean[i]! / meanBias)) / (Math.sqrt(this.#square[i]! / squareBias) + 1e-8);
    }
  }
}

function addTimes(to: Float32Array, row: Float32Array, factor: number): void {
  for (let i = 0; i < to.length; i++) to[i]! += factor * row[i]!;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Share of the questions with a right one among the `k` nearest of their own collection. */
export function recall(collections: readonly EmbeddedCollection[], k: number, map: LowRank | null): number {
  const toQuery = map ? lowRankMap(map) : (vector: Float32Array) => vector;
  const found = collections.flatMap(({ passages, questions }) =>
    questions.map(({ vector, right }) => {
      const query = toQuery(vector);
      const cosines = passages.map((passage) => dot(query, passage));
      const best = Math.max(...right.map((index) => cosines[index]!));
      return cosines.filter((cosine) => cosine > best).length < k;
    }),
  );
  return found.filter(Boolean).length / found.length;
}
