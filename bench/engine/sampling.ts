import type { SamplingParams } from '../../src/contracts/generator.js';
import { loadNativeKernels } from '../../src/engine/process/kernels/native.js';
import { createRandom } from '../../src/engine/process/random.js';
import { createScratch, Sampler } from '../../src/engine/process/sampler.js';
import { plainScan } from '../../src/engine/process/vocabulary-scan.js';
import { GREEDY } from '../../tests/fixtures/engine/engine.js';
import { median } from './driver.js';

/** The ways in which requests sample. */
const WAYS = {
  greedy: {},
  temperature: { temperature: 1 },
  top_p: { temperature: 1, topP: 0.9 },
  penalties: { temperature: 0.7, topP: 0.95, topK: 40, repetitionPenalty: 1.1, presencePenalty: 0.5 },
} as const satisfies Record<string, Partial<SamplingParams>>;

/** Milliseconds that drawing one token takes, over logits that fall off as a language model's do. */
export function samplingMs(vocabSize: number, rounds: number): Record<keyof typeof WAYS, number> {
  const random = createRandom(3);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const rows = Array.from({ length: 8 }, () => {
    const logits = Float32Array.from({ length: vocabSize }, () => 2.5 * normal());
    for (let i = 0; i < 60; i++) logits[Math.floor(random() * vocabSize)] = 8 + 10 * random();
    return logits;
  });
  const scratch = createScratch(vocabSize, loadNativeKernels()?.scan ?? plainScan);
  const promptIds = Array.from({ length: 1000 }, () => Math.floor(random() * vocabSize));
  const measure = (way: Partial<SamplingParams>) => {
    const sampler = new Sampler({ ...GREEDY, ...way }, promptIds, scratch, 1);
    return median(
      Array.from({ length: rounds }, () => {
        const startedMs = performance.now();
        for (const logits of rows) sampler.sample(logits);
        return (performance.now() - startedMs) / rows.length;
      }),
    );
  };
  return Object.fromEntries(Object.entries(WAYS).map(([name, way]) => [name, measure(way)])) as Record<
    keyof typeof WAYS,
    number
  >;
}
