import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import t from 'tap';
import { AppError } from '../../src/errors/app-error.js';
import { openSafetensorsDecoder } from '../../src/model-import/safetensors/decoder.js';
import { type TinyCase, writeTinyFolder } from '../parity/tiny-weights.js';
import { mutate, mutation } from './byte-mutations.js';

const golden = JSON.parse(
  gunzipSync(readFileSync(path.resolve('tests/parity/goldens/architectures.json.gz'))).toString(),
) as { cases: Record<string, TinyCase> };
const tiny = golden.cases['qwen3, query and key norms, linear rope']!;

function readModel(folder: string): void {
  const { checkpoint } = openSafetensorsDecoder(folder, 'q8');
  try {
    checkpoint.matrix('embedding', 0);
    for (let layer = 0; layer < checkpoint.shape.layers; layer++) {
      for (const role of ['q', 'k', 'v', 'o', 'gate', 'up', 'down'] as const) checkpoint.matrix(role, layer);
      for (const role of ['qNorm', 'kNorm', 'attentionNorm', 'mlpNorm'] as const) checkpoint.vector(role, layer);
    }
  } finally {
    checkpoint.close();
  }
}

function isRefused(folder: string): boolean {
  try {
    readModel(folder);
    return false;
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'model_invalid') throw error;
    return true;
  }
}

t.test('a damaged safetensors file is read or refused, never more', async (t) => {
  const folder = t.testdir();
  writeTinyFolder(folder, tiny);
  readModel(folder);
  const file = path.join(folder, 'model.safetensors');
  const sound = readFileSync(file);
  const header = 8 + Number(sound.readBigUInt64LE());
  let refused = 0;
  fc.assert(
    fc.property(fc.array(mutation(header, sound.length), { minLength: 1, maxLength: 4 }), (mutations) => {
      writeFileSync(file, mutate(sound, mutations));
      if (isRefused(folder)) refused += 1;
    }),
    { numRuns: 300 },
  );
  t.ok(refused > 100, `${refused} of 300 were refused`);
});

t.test('any value at any key of config.json is read or refused, never more', async (t) => {
  const folder = t.testdir();
  writeTinyFolder(folder, tiny);
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom(0, -1, 0.5, 1e15, Number.MAX_SAFE_INTEGER, 'linear', 'silu', true, null),
    fc.record({ rope_type: fc.constantFrom('llama3', 'linear', 'yarn', 'default'), factor: fc.double() }),
  );
  const keys = [
    ...Object.keys(tiny.config),
    'partial_rotary_factor',
    'rope_scaling',
    'sliding_window',
    'quantization_config',
  ];
  fc.assert(
    fc.property(fc.constantFrom(...keys), value, (key, changed) => {
      writeFileSync(path.join(folder, 'config.json'), JSON.stringify({ ...tiny.config, [key]: changed }));
      isRefused(folder);
    }),
    { numRuns: 400 },
  );
  t.pass('nothing but model_invalid was thrown');
});
