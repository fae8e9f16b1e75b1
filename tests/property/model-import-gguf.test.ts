import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import t from 'tap';
import { AppError } from '../../src/errors/app-error.js';
import type { DecoderCheckpoint, MatrixRole, VectorRole } from '../../src/model-import/decoder/checkpoint.js';
import { openGgufDecoder } from '../../src/model-import/gguf/decoder.js';
import { readGguf } from '../../src/model-import/gguf/reader.js';
import { tokenizerFromGguf } from '../../src/model-import/gguf/tokenizer.js';
import { encodeGguf } from '../../src/model-import/gguf/writer.js';
import { type TinyCase, tinyGgufTensors, tinyMetadata } from '../parity/tiny-weights.js';
import { formNamed } from '../unit/model-import/block-forms.js';
import { mutate, mutation } from './byte-mutations.js';

const golden = JSON.parse(
  gunzipSync(readFileSync(path.resolve('tests/parity/goldens/architectures.json.gz'))).toString(),
) as { cases: Record<string, TinyCase> };

/** Everything an import reads. */
function readAll(checkpoint: DecoderCheckpoint): void {
  const matrices: MatrixRole[] = ['q', 'k', 'v', 'o', 'gate', 'up', 'down'];
  const vectors: VectorRole[] = ['attentionNorm', 'mlpNorm'];
  if (checkpoint.qkvBias) vectors.push('qBias', 'kBias', 'vBias');
  if (checkpoint.traits.qkNorm) vectors.push('qNorm', 'kNorm');
  checkpoint.matrix('embedding', 0);
  for (let layer = 0; layer < checkpoint.shape.layers; layer++) {
    for (const role of matrices) checkpoint.matrix(role, layer);
    for (const role of vectors) checkpoint.vector(role, layer);
  }
}

function readModel(file: string): void {
  const gguf = readGguf(file);
  try {
    tokenizerFromGguf(gguf);
    readAll(openGgufDecoder(gguf, 'q8'));
  } finally {
    gguf.file.close();
  }
}

for (const [name, form] of [
  ['llama, untied, llama3 rope', 'F32'],
  ['qwen2, biases, tied', 'F16'],
] as const) {
  t.test(`a damaged GGUF file (${name}) is read or refused, never more`, async (t) => {
    const file = path.join(t.testdir(), 'damaged.gguf');
    const tiny = golden.cases[name]!;
    const sound = encodeGguf(tinyMetadata(tiny), tinyGgufTensors(tiny, formNamed(form)));
    writeFileSync(file, sound);
    readModel(file);

    // Most of the file is weights; damage goes mostly where lengths, counts and offsets are.
    const header = sound.indexOf(Buffer.from('output_norm.weight')) + 100;
    let refused = 0;
    fc.assert(
      fc.property(fc.array(mutation(header, sound.length), { minLength: 1, maxLength: 4 }), (mutations) => {
        writeFileSync(file, mutate(sound, mutations));
        try {
          readModel(file);
        } catch (error) {
          if (!(error instanceof AppError) || error.code !== 'model_invalid') throw error;
          refused += 1;
        }
      }),
      { numRuns: 400 },
    );
    t.ok(refused > 100, `${refused} of 400 were refused`);
  });
}
