import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import t from 'tap';
import type { ModelManifest } from '../../src/contracts/model-manifest.js';
import type { ModelRunner } from '../../src/engine/process/runner.js';
import { HALF_TO_FLOAT } from '../../src/layouts/half-float.js';
import { readAdapter } from '../../src/layouts/read-adapter.js';
import { createAdapterCompiler } from '../../src/model-import/lora/compiler.js';
import { writeSafetensors } from '../unit/model-import/write-safetensors.js';
import { useFloatActivations } from './float-activations.js';
import { loadRunner, logitsOfAll } from './load-runner.js';
import { relativeRms } from './relative-rms.js';

interface AdaptersGolden {
  readonly ids: readonly number[];
  readonly stride: number;
  readonly cases: Readonly<Record<string, AdapterCase>>;
}
interface AdapterCase {
  readonly config: object;
  readonly dtype: 'float32' | 'bfloat16';
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  readonly logits: string;
}

/** Stock operators make all activations 8 bits, which alone moves the base by 3 %; our kernels keep outliers as floats. */
const SERVED_BARS = { stock: 5e-2, kernels: 2e-2 };

const modelDir = path.resolve('.switchyard/models/smollm2-135m-instruct');
const manifest = JSON.parse(readFileSync(path.join(modelDir, 'manifest.json'), 'utf8')) as ModelManifest;
const golden = JSON.parse(
  gunzipSync(readFileSync(path.resolve('tests/parity/goldens/adapters.json.gz'))).toString(),
) as AdaptersGolden;

t.test('a PEFT adapter over the imported base gives the logits that PEFT gives', { timeout: 120_000 }, async (t) => {
  const scratch = t.testdir();
  const compiler = createAdapterCompiler({ modelDir, dataDir: scratch, maxRank: 16 });
  const exact = loadRunner(withFloatActivations(path.join(scratch, 'exact')), null);
  const served = { stock: loadRunner(modelDir, null), kernels: loadRunner(modelDir) };

  for (const [name, adapter] of Object.entries(golden.cases)) {
    const folder = path.join(scratch, name);
    writePeftFolder(folder, adapter);
    const compiled = await compiler.compile(folder);
    const tensors = await readAdapter(compiled, manifest);
    const expected = Float32Array.from(words(adapter.logits), (half) => HALF_TO_FLOAT[half]!);
    const errorOf = (runner: ModelRunner, adapterSlot: number | null) => {
      runner.writeAdapter(1, tensors);
      return relativeRms(sample(logitsOfAll(runner, golden.ids, { adapterSlot })), expected);
    };

    const exactError = errorOf(exact, 1);
    t.ok(exactError <= 2e-3, `${name}: relative rms ${exactError} with float activations`);
    for (const [operators, runner] of Object.entries(served)) {
      const servedError = errorOf(runner, 1);
      const bar = SERVED_BARS[operators as keyof typeof served];
      t.ok(servedError <= bar, `${name}: relative rms ${servedError} as served by ${operators}`);
      const without = errorOf(runner, null);
      t.ok(
        without > 3 * servedError,
        `${name}: ${without} without the adapter, so that the comparison means something`,
      );
    }
  }
});

/** A copy of the base without the noise of 8-bit activations: what is left is the adapter's arithmetic. */
function withFloatActivations(folder: string): string {
  cpSync(modelDir, folder, { recursive: true });
  useFloatActivations(folder);
  return folder;
}

function writePeftFolder(folder: string, { config, dtype, shapes }: AdapterCase): void {
  const tensors = Object.entries(shapes).map(
    ([name, shape], seed) => [name, { shape, values: fill(shape, seed) }] as const,
  );
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    path.join(folder, 'adapter_config.json'),
    JSON.stringify({ peft_type: 'LORA', task_type: 'CAUSAL_LM', bias: 'none', ...config }),
  );
  const stored = dtype === 'bfloat16' ? 'BF16' : 'F32';
  if (stored === 'BF16') for (const [, { values }] of tensors) roundToBf16(values);
  writeSafetensors(path.join(folder, 'adapter_model.safetensors'), Object.fromEntries(tensors), stored);
}

/** The formula of make-adapter-logits.py. */
function fill(shape: readonly number[], seed: number): Float32Array {
  const size = shape.reduce((product, length) => product * length, 1);
  const width = Math.sqrt(shape.at(-1)!);
  return Float32Array.from({ length: size }, (_, index) => {
    const hashed = (Math.imul(index + 1, 2654435761) + Math.imul(seed, 40503)) >>> 0;
    const mixed = Math.imul(hashed ^ (hashed >>> 15), 2246822519) >>> 0;
    return ((mixed >>> 16) / 65536 - 0.5) / width;
  });
}

/** To the nearest, ties to even, as PyTorch does. */
function roundToBf16(values: Float32Array): void {
  const bits = new Uint32Array(values.buffer);
  bits.forEach((word, i) => {
    bits[i] = (word + 0x7fff + ((word >>> 16) & 1)) & 0xffff0000;
  });
}

function sample(logits: Float32Array): Float32Array {
  return logits.filter((_, i) => i % golden.stride === 0);
}

function words(base64: string): Uint16Array {
  return new Uint16Array(new Uint8Array(Buffer.from(base64, 'base64')).buffer);
}
