import { readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import t from 'tap';
import type { LoraTarget } from '../../src/contracts/model-manifest.js';
import type { Device } from '../../src/engine/process/device/start.js';
import { createRandom } from '../../src/engine/process/random.js';
import type { Segment } from '../../src/engine/process/runner.js';
import { StockRunner } from '../../src/engine/process/stock/runner.js';
import type { AdapterTensors } from '../../src/layouts/adapter-file.js';
import { toHalf } from '../../src/layouts/half-float.js';
import { LORA_TARGETS, targetSizes } from '../../src/layouts/lora.js';
import { importDecoder } from '../../src/model-import/import-decoder.js';
import { provideVulkan } from '../fixtures/engine/vulkan.js';
import { useFloatActivations } from './float-activations.js';
import { relativeRms } from './relative-rms.js';
import { type TinyCase, writeTinyFolder } from './tiny-weights.js';

const SLOTS = 4;
const DEVICES = [
  // In float32 as on the CPU, but summed in another order.
  { device: 'webgpu', relativeRms: 1e-5 },
  // Attention in half precision, products in TF32.
  { device: 'cuda', relativeRms: 5e-3 },
] as const;

const { ids, cases } = JSON.parse(
  gunzipSync(readFileSync(path.resolve('tests/parity/goldens/architectures.json.gz'))).toString(),
) as { ids: number[]; cases: Record<string, TinyCase> };

const folder = t.testdir({ model: {}, source: {}, vulkan: {} });
const modelDir = path.join(folder, 'model');
writeTinyFolder(path.join(folder, 'source'), cases['llama, tied']!);
const manifest = await importDecoder(path.join(folder, 'source'), modelDir, { id: 'tiny' });
useFloatActivations(modelDir);
const missing = {
  webgpu: provideVulkan(path.join(folder, 'vulkan')),
  cuda: process.env.SWITCHYARD_TEST_CUDA ? null : 'needs an NVIDIA GPU and SWITCHYARD_TEST_CUDA=1, see docs/gpu.md',
};

for (const { device, relativeRms: bound } of DEVICES) {
  t.test(`${device} computes what the CPU does`, { skip: missing[device] ?? false }, async (t) => {
    const [cpu, gpu] = [start('cpu'), start(device)];
    const down = adapter(7, { down_proj: 2 });
    const wide = adapter(8, Object.fromEntries(LORA_TARGETS.map((target) => [target, 4])));
    const step = (name: string, ...segments: Segment[]) => {
      const expected = cpu.run(segments);
      const actual = gpu.run(segments);
      expected.forEach((rows, i) => {
        rows.forEach((row, token) => {
          const difference = relativeRms(actual[i]![token]!, row);
          t.ok(difference < bound, `${name}, slot ${segments[i]!.slot}: ${difference.toExponential(1)}`);
        });
      });
      return expected.map((rows) => [...(rows[0] ?? [])]);
    };
    const segment = (slot: number, start: number, count: number, adapterSlot: number | null, logits = 1) => ({
      slot,
      start,
      ids: ids.slice(start, start + count),
      adapterSlot,
      logits,
    });

    step('a prompt in the first slot', segment(0, 0, 9, null));
    step('the first chunk of one in another slot', segment(2, 0, 12, null, 0));
    step('a token alone', segment(0, 9, 1, null));
    for (const runner of [cpu, gpu]) runner.writeAdapter(1, down);
    step('the second chunk', segment(2, 12, 7, null));
    step('a prompt with an adapter', segment(3, 0, 5, 1));
    step('tokens of three slots', segment(0, 10, 1, null), segment(2, 19, 1, null), segment(3, 5, 1, 1));
    for (const runner of [cpu, gpu]) runner.writeAdapter(2, wide);
    step('a prompt with a wider adapter', segment(1, 0, 8, 2));
    const mixed = [segment(0, 11, 1, null), segment(1, 8, 1, 2), segment(2, 20, 1, null), segment(3, 6, 1, 1)];
    const [, withWide, , withDown] = step('tokens of all slots, two adapters', ...mixed);
    const [, otherwise, , without] = step(
      'the same with other adapters',
      ...mixed.map((row) =>
        row.adapterSlot === null ? row : { ...row, adapterSlot: row.adapterSlot === 2 ? 1 : null },
      ),
    );
    t.notSame(withWide, otherwise, 'one adapter is not the other');
    t.notSame(withDown, without, 'an adapter changes the logits');
  });
}

function start(device: Device): StockRunner {
  const limits = { slots: SLOTS, contextTokens: 64, adapterSlots: 3, maxAdapterRank: 8, maxTokens: 32, maxLogits: 8 };
  const runner = new StockRunner({
    ...limits,
    modelDir,
    manifest,
    device,
    spinUs: 0,
    prefixCacheTokens: 0,
    passageCacheBytes: 0,
  });
  runner.useThreads(1);
  return runner;
}

/** Seeded noise, large enough to be seen in the logits. */
function adapter(seed: number, ranks: Partial<Record<LoraTarget, number>>): AdapterTensors {
  const random = createRandom(seed);
  const sizes = targetSizes(manifest.shape);
  const all = Object.fromEntries(LORA_TARGETS.map((target) => [target, ranks[target] ?? 0])) as Record<
    LoraTarget,
    number
  >;
  const perLayer = LORA_TARGETS.reduce((sum, name) => sum + all[name] * (sizes[name].inputs + sizes[name].outputs), 0);
  const halves = Uint16Array.from({ length: manifest.shape.layers * perLayer }, () => toHalf((random() - 0.5) / 4));
  return { ranks: all, halves };
}
