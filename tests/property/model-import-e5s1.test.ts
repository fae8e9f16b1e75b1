import { writeFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { AppError } from '../../src/errors/app-error.js';
import { openSource } from '../../src/model-import/embedder/open-source.js';
import { writeEncoder } from '../../src/model-import/embedder/write-encoder.js';
import { encodeE5s1, HEADER_BYTES } from '../fixtures/model-import/write-e5s1.js';
import { mutate, mutation } from './byte-mutations.js';

t.test('a damaged file with vocabulary and weights is read or refused, never more', (t) => {
  const folder = t.testdir();
  const sound = encodeE5s1();
  const isRefused = (bytes: Buffer) => {
    writeFileSync(path.join(folder, 'model.bin'), bytes);
    try {
      const { checkpoint } = openSource({ folder, weights: 'model.bin' });
      try {
        writeEncoder(checkpoint, 'mean');
      } finally {
        checkpoint.weights.close();
      }
      return false;
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'model_invalid') throw error;
      return true;
    }
  };
  t.notOk(isRefused(sound));
  let refused = 0;
  fc.assert(
    fc.property(fc.array(mutation(HEADER_BYTES, sound.length), { minLength: 1, maxLength: 4 }), (mutations) => {
      if (isRefused(mutate(sound, mutations))) refused += 1;
    }),
    { numRuns: 300 },
  );
  t.ok(refused > 100, `${refused} of 300 were refused`);
  t.end();
});
