import fc from 'fast-check';
import t from 'tap';
import { Candidates } from '../../src/engine/process/candidates.js';
import { draw } from '../../src/engine/process/draw.js';
import { loadNativeKernels } from '../../src/engine/process/kernels/native.js';
import { createRandom } from '../../src/engine/process/random.js';
import { createScratch, Sampler } from '../../src/engine/process/sampler.js';
import { plainScan, type VocabularyScan } from '../../src/engine/process/vocabulary-scan.js';

const logitsOf = fc
  .array(fc.float({ min: -30, max: 30, noNaN: true }), { minLength: 1, maxLength: 40 })
  .map((values) => Float32Array.from(values));
const paramsOf = fc.record({
  temperature: fc.constantFrom(0, 0.1, 1, 2),
  topP: fc.double({ min: 0, max: 1, noNaN: true }),
  topK: fc.nat(50),
  minP: fc.double({ min: 0, max: 1, noNaN: true }),
  repetitionPenalty: fc.constant(1),
  presencePenalty: fc.constant(0),
  frequencyPenalty: fc.constant(0),
  seed: fc.maxSafeNat(),
  logitBias: fc.constant({}),
});

/** Slow and plain: sort everything, then cut. */
function allowed(
  logits: Float32Array,
  { temperature, topP, topK, minP }: { temperature: number; topP: number; topK: number; minP: number },
): Set<number> {
  const ranked = [...logits.keys()].sort((a, b) => logits[b]! - logits[a]! || a - b);
  if (temperature === 0) return new Set(ranked.slice(0, 1));
  const weight = (id: number) => Math.exp((logits[id]! - logits[ranked[0]!]!) / temperature);
  // Where rounding decides whether a token just makes it, either answer is right.
  const slack = 1e-5;
  const kept = ranked.filter((id) => weight(id) >= minP * (1 - slack)).slice(0, topK || logits.length);
  const total = kept.reduce((sum, id) => sum + weight(id), 0);
  let before = 0;
  return new Set(
    kept.filter((id, rank) => {
      const taken = rank === 0 || before < (topP + slack) * total;
      before += weight(id);
      return taken;
    }),
  );
}

t.test('only tokens that all filters allow are drawn', async () => {
  fc.assert(
    fc.property(logitsOf, paramsOf, (logits, params) => {
      const sampler = new Sampler(params, [], createScratch(logits.length, plainScan), 0);
      const set = allowed(logits, params);
      for (let i = 0; i < 20; i++) if (!set.has(sampler.sample(logits))) return false;
      return true;
    }),
  );
});

/** Slow and plain: which part of the mass each token has. */
function distribution(logits: Float32Array, params: Parameters<typeof allowed>[1]): Map<number, number> {
  const max = Math.max(...logits);
  const weight = (id: number) => Math.exp((logits[id]! - max) / params.temperature);
  const ids = [...allowed(logits, params)];
  const total = ids.reduce((sum, id) => sum + weight(id), 0);
  return new Map(ids.map((id) => [id, weight(id) / total]));
}

t.test('each token is drawn for exactly its part of the random numbers', async () => {
  const STEPS = 4000;
  // Numbers none of which lies where rounding decides whether a token just makes it.
  const steps = fc
    .array(fc.integer({ min: -80, max: 80 }), { minLength: 1, maxLength: 40 })
    .map((values) => Float32Array.from(values, (value) => 0.37 * value));
  const cuts = fc.record({
    temperature: fc.constantFrom(0.5, 1, 2),
    topP: fc.integer({ min: 0, max: 20 }).map((twentieths) => (twentieths + 0.13) / 20),
    topK: fc.nat(50),
    minP: fc.constantFrom(0, 0.051, 0.31, 0.79),
  });
  const rest = { repetitionPenalty: 1, presencePenalty: 0, frequencyPenalty: 0, seed: 0, logitBias: {} };
  fc.assert(
    fc.property(steps, cuts, (logits, params) => {
      const counts = new Map<number, number>();
      const scratch = createScratch(logits.length, plainScan);
      for (let i = 0; i < STEPS; i++) {
        const id = draw(logits, Math.max(...logits), { ...rest, ...params }, scratch, (i + 0.5) / STEPS);
        counts.set(id, (counts.get(id) ?? 0) + 1);
      }
      const shares = distribution(logits, params);
      return [...new Set([...counts.keys(), ...shares.keys()])].every(
        (id) => Math.abs((counts.get(id) ?? 0) / STEPS - (shares.get(id) ?? 0)) < 2 / STEPS,
      );
    }),
    { numRuns: 60 },
  );
});

const scans: readonly (readonly [string, VocabularyScan | undefined])[] = [
  ['plain', plainScan],
  ['native', loadNativeKernels()?.scan],
];
for (const [name, scan] of scans) {
  t.test(`the ${name} passes over the logits see what a look at each of them would`, { skip: !scan }, async () => {
    const oddLogits = fc
      .array(fc.oneof({ weight: 20, arbitrary: fc.float({ min: -30, max: 30 }) }, fc.constant(Number.NaN)), {
        minLength: 1,
        maxLength: 300,
      })
      .map((values) => Float32Array.from(values));
    const edge = fc.oneof(fc.float({ min: -30, max: 30, noNaN: true }), fc.constant(Number.NEGATIVE_INFINITY));
    fc.assert(
      fc.property(oddLogits, edge, fc.float({ min: 0, max: 20, noNaN: true }), (logits, lower, width) => {
        const numbers = [...logits].filter((logit) => !Number.isNaN(logit));
        const max = Math.max(...numbers);
        const ids = new Int32Array(logits.length);
        const below = Math.fround(lower + width);
        const count = scan!.idsWithin(logits, lower, below, ids);
        const inside = [...logits.keys()].filter((id) => logits[id]! >= lower && logits[id]! < below);
        const sum = numbers.reduce((total, logit) => total + Math.exp((logit - max) / 0.7), 0);
        return (
          scan!.largest(logits) === max &&
          ids.subarray(0, count).join() === inside.join() &&
          (numbers.length === 0 || Math.abs(scan!.sumOfExponentials(logits, max, 0.7) - sum) <= 1e-5 * sum)
        );
      }),
    );
  });
}

t.test('candidates come in the order of a full sort', async () => {
  fc.assert(
    fc.property(logitsOf, fc.float({ min: -30, max: 30, noNaN: true }), (logits, threshold) => {
      const candidates = new Candidates(logits.length, plainScan);
      candidates.reset(logits, Math.max(...logits), threshold);
      const popped: (number | undefined)[] = [];
      for (let id = candidates.pop(); id !== undefined; id = candidates.pop()) popped.push(id);
      const sorted = [...logits.keys()]
        .filter((id) => logits[id]! >= threshold)
        .sort((a, b) => logits[b]! - logits[a]! || a - b);
      return candidates.pop() === undefined && popped.join() === sorted.join();
    }),
  );
});

t.test('random numbers lie in [0, 1) and repeat with their seed', async () => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), (seed) => {
      const [a, b] = [createRandom(seed), createRandom(seed)];
      return Array.from({ length: 50 }, () => [a(), b()]).every(([x, y]) => x === y && x! >= 0 && x! < 1);
    }),
  );
});
