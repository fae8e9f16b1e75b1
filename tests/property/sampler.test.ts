import fc from 'fast-check';
import t from 'tap';
import { Candidates } from '../../src/engine/process/candidates.js';
import { createRandom } from '../../src/engine/process/random.js';
import { createScratch, Sampler } from '../../src/engine/process/sampler.js';

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
      const sampler = new Sampler(params, [], createScratch(logits.length), 0);
      const set = allowed(logits, params);
      for (let i = 0; i < 20; i++) if (!set.has(sampler.sample(logits))) return false;
      return true;
    }),
  );
});

t.test('candidates come in the order of a full sort', async () => {
  fc.assert(
    fc.property(logitsOf, fc.float({ min: -30, max: 30, noNaN: true }), (logits, threshold) => {
      const candidates = new Candidates(logits.length);
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
