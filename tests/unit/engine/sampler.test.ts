import t from 'tap';
import type { SamplingParams } from '../../../src/contracts/generator.js';
import { createScratch, Sampler } from '../../../src/engine/process/sampler.js';
import { plainScan } from '../../../src/engine/process/vocabulary-scan.js';
import { GREEDY } from '../../fixtures/engine/engine.js';

const logits = Float32Array.of(1, 3, 2, -1);
const sampler = (params: Partial<SamplingParams>, promptIds: number[] = []) =>
  new Sampler({ ...GREEDY, seed: 1, ...params }, promptIds, createScratch(logits.length, plainScan), 0);
const draws = (params: Partial<SamplingParams>, count = 2000) => {
  const source = sampler({ temperature: 1, ...params });
  return Array.from({ length: count }, () => source.sample(logits));
};
const kinds = (ids: number[]) => [...new Set(ids)].sort();

t.test('temperature 0 takes the most likely token', async (t) => {
  t.equal(sampler({}).sample(logits), 1);
});

t.test('equal logits give the smallest id', async (t) => {
  t.equal(sampler({}).sample(Float32Array.of(0, 5, 5, 5)), 1);
});

t.test('logits that are not finite are an error, not a token', async (t) => {
  t.throws(() => sampler({}).sample(new Float32Array(4).fill(Number.NaN)), /finite/);
  t.throws(() => sampler({ temperature: 1 }).sample(Float32Array.of(0, Number.POSITIVE_INFINITY)), /finite/);
});

t.test('the logits stay as they are', async (t) => {
  const before = Float32Array.from(logits);
  sampler({ logitBias: { 0: 9 }, repetitionPenalty: 2, presencePenalty: 1, temperature: 1 }, [1]).sample(before);
  t.same(before, logits);
});

t.test('a bias moves a token', async (t) => {
  t.equal(sampler({ logitBias: { 3: 100 } }).sample(logits), 3);
  t.equal(sampler({ logitBias: { 1: -100 } }).sample(logits), 2);
});

t.test('the repetition penalty counts the prompt, on both sides of zero', async (t) => {
  t.equal(sampler({ repetitionPenalty: 2 }, [1]).sample(logits), 2);
  t.equal(sampler({ repetitionPenalty: 2 }, [0]).sample(Float32Array.of(-1, -1.5, -9, -9)), 1);
});

t.test('presence and frequency penalties count the answer alone', async (t) => {
  const presence = sampler({ presencePenalty: 1.5 }, [1]);
  t.same([presence.sample(logits), presence.sample(logits)], [1, 2]);
  const frequency = sampler({ frequencyPenalty: 0.6 }, [1]);
  t.same(
    [1, 2, 3].map(() => frequency.sample(logits)),
    [1, 1, 2],
  );
});

t.test('equal seeds give equal tokens, other seeds others', async (t) => {
  t.same(draws({ seed: 42 }, 50), draws({ seed: 42 }, 50));
  t.notSame(draws({ seed: 42 }, 50), draws({ seed: 43 }, 50));
  t.notSame(draws({ seed: 42 }, 50), draws({ seed: 42 + 2 ** 32 }, 50));
});

t.test('tokens come as often as the softmax says', async (t) => {
  const ids = draws({}, 20_000);
  const total = logits.reduce((sum, logit) => sum + Math.exp(logit), 0);
  logits.forEach((logit, id) => {
    const share = ids.filter((drawn) => drawn === id).length / ids.length;
    t.ok(Math.abs(share - Math.exp(logit) / total) < 0.015, `token ${id}: ${share}`);
  });
});

t.test('a low temperature sharpens', async (t) => {
  t.same(kinds(draws({ temperature: 0.01 })), [1]);
});

t.test('top-k keeps the k most likely', async (t) => {
  t.same(kinds(draws({ topK: 2 })), [1, 2]);
  t.same(kinds(draws({ topK: 1 })), [1]);
  t.same(kinds(draws({ topK: 1000 })), [0, 1, 2, 3]);
});

t.test('top-p keeps the fewest tokens that reach p, and at least one', async (t) => {
  // Softmax: 0.089, 0.657, 0.242, 0.012.
  t.same(kinds(draws({ topP: 0 })), [1]);
  t.same(kinds(draws({ topP: 0.6 })), [1]);
  t.same(kinds(draws({ topP: 0.7 })), [1, 2]);
  t.same(kinds(draws({ topP: 0.95 })), [0, 1, 2]);
});

t.test('top-p works on what top-k left', async (t) => {
  // Of the two most likely, the first has 0.731.
  t.same(kinds(draws({ topK: 2, topP: 0.72 })), [1]);
  t.same(kinds(draws({ topK: 2, topP: 0.74 })), [1, 2]);
});

t.test('min-p drops what is less likely than its share of the best', async (t) => {
  // Relative to the best: 0.135, 1, 0.368, 0.018.
  t.same(kinds(draws({ minP: 0.2 })), [1, 2]);
  t.same(kinds(draws({ minP: 0.1 })), [0, 1, 2]);
  t.same(kinds(draws({ minP: 0.1, topP: 0.99 })), [0, 1, 2]);
  t.same(kinds(draws({ minP: 0.1, temperature: 4 })), [0, 1, 2, 3]);
});
