import fc from 'fast-check';
import t from 'tap';
import { HALF_TO_FLOAT } from '../../src/layouts/half-float.js';
import { packWeights } from '../../src/model-import/onnx/pack-weights.js';
import type { QuantizedMatrix } from '../../src/model-import/tensors/quantized-matrix.js';
import { randomMatrix, weightAt } from '../fixtures/model-import/random-matrix.js';

type Form = QuantizedMatrix['form'];

const linears = fc.record({
  forms: fc.oneof(
    fc.array(fc.constantFrom<Form>('q4_0', 'q4_1', 'q4'), { minLength: 1, maxLength: 3 }),
    fc.array(fc.constantFrom<Form>('q8_0', 'q8'), { minLength: 1, maxLength: 3 }),
  ),
  interleaved: fc.boolean(),
  columns: fc.constantFrom(32, 96, 160),
  wholeGroups: fc.integer({ min: 1, max: 2 }),
  lastRows: fc.integer({ min: 1, max: 40 }),
  seed: fc.nat(1000),
});

t.test('packed weights, read as native/src/layout.h draws them, are the weights of the matrices', async (t) => {
  fc.assert(
    fc.property(linears, ({ forms, interleaved, columns, wholeGroups, lastRows, seed }) => {
      const rowsOf = (part: number) => (interleaved || part === forms.length - 1 ? lastRows : 16 * wholeGroups);
      const parts = forms.map((form, part) => randomMatrix(form, rowsOf(part), columns, seed + 10 * part));
      const packed = packWeights(parts, interleaved);
      const [{ bits }] = parts as [QuantizedMatrix];
      const groups = parts.map(({ rows }) => Math.ceil(rows / 16));
      parts.forEach((part, p) => {
        const groupsBefore = groups.slice(0, p).reduce((sum, count) => sum + count, 0);
        for (let row = 0; row < 16 * groups[p]!; row++) {
          const ownGroup = Math.floor(row / 16);
          const group = interleaved ? ownGroup * parts.length + p : groupsBefore + ownGroup;
          for (let column = 0; column < columns; column++) {
            const actual = readWeight(packed, bits, columns, group, row % 16, column);
            const expected = row < part.rows ? weightAt(part, row, column) : 0;
            if (Math.abs(actual - expected) > 1e-6)
              throw new Error(`part ${p} [${row}, ${column}]: ${actual}, not ${expected}`);
          }
        }
      });
    }),
    { numRuns: 60 },
  );
  t.pass('every weight is in its place, and lanes without one are zero');
});

/** One weight of column `lane` of a group, written down from the drawing. */
function readWeight(packed: Uint8Array, bits: number, inputs: number, group: number, lane: number, k: number): number {
  const [blockBytes, scaleBytes] = bits === 4 ? [256, 64] : [512, 32];
  const blocks = inputs / 32;
  const groupBytes = Math.ceil((blocks * (blockBytes + scaleBytes)) / 64) * 64;
  const block = Math.floor(k / 32);
  const inBlock = k % 32;
  const start = group * groupBytes;
  const half = (at: number) => HALF_TO_FLOAT[packed[at]! | (packed[at + 1]! << 8)]!;
  const scales = start + blocks * blockBytes + block * scaleBytes;
  if (bits === 8) {
    const q = packed[start + block * blockBytes + Math.floor(inBlock / 4) * 64 + 4 * lane + (inBlock % 4)]!;
    return half(scales + 2 * lane) * (q - 128);
  }
  const byte = packed[start + block * blockBytes + Math.floor(inBlock / 8) * 64 + 4 * lane + (inBlock % 4)]!;
  const q = inBlock % 8 < 4 ? byte & 15 : byte >> 4;
  return half(scales + 2 * lane) * q + half(scales + 32 + 2 * lane);
}
