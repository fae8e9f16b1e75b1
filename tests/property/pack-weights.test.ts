import fc from 'fast-check';
import t from 'tap';
import { HALF_TO_FLOAT } from '../../src/layouts/half-float.js';
import { packWeights } from '../../src/model-import/onnx/pack-weights.js';
import type { QuantizedMatrix } from '../../src/model-import/tensors/quantized-matrix.js';
import { randomMatrix, weightAt } from '../fixtures/model-import/random-matrix.js';

type Form = QuantizedMatrix['form'];

/** Bytes of a block's codes and scales, and its weights along a row. */
const BLOCKS = { 4: [256, 64, 32], 5: [320, 32, 32], 6: [192, 32, 16], 8: [512, 32, 32] } as const;

const linears = fc.record({
  forms: fc.oneof(
    fc.array(fc.constantFrom<Form>('q4_0', 'q4_1', 'q4_k', 'q4'), { minLength: 1, maxLength: 3 }),
    fc.array(fc.constant<Form>('q5_0'), { minLength: 1, maxLength: 3 }),
    fc.array(fc.constant<Form>('q6_k'), { minLength: 1, maxLength: 3 }),
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
    { numRuns: 100 },
  );
  t.pass('every weight is in its place, and lanes without one are zero');
});

/** One weight of column `lane` of a group, written down from the drawing. */
function readWeight(
  packed: Uint8Array,
  bits: QuantizedMatrix['bits'],
  inputs: number,
  group: number,
  lane: number,
  k: number,
): number {
  const [blockBytes, scaleBytes, weights] = BLOCKS[bits];
  const blocks = inputs / weights;
  const groupBytes = Math.ceil((blocks * (blockBytes + scaleBytes)) / 64) * 64;
  const block = Math.floor(k / weights);
  const start = group * groupBytes;
  const half = (at: number) => HALF_TO_FLOAT[packed[at]! | (packed[at + 1]! << 8)]!;
  const scale = start + blocks * blockBytes + block * scaleBytes + 2 * lane;
  const step = Math.floor((k % weights) / 4);
  const vector = (v: number) => packed[start + block * blockBytes + v * 64 + 4 * lane + (k % 4)]!;
  if (bits === 4) {
    const byte = vector(step >> 1);
    return half(scale) * (step % 2 ? byte >> 4 : byte & 15) + half(scale + 32);
  }
  if (bits === 8) return half(scale) * (vector(step) - 128);
  return half(scale) * (bits === 5 ? fiveBits(step, vector) - 16 : sixBits(step, vector) - 32);
}

function fiveBits(step: number, vector: (v: number) => number): number {
  if (step < 5) return vector(step) >> 3;
  const upper = (vector(step - 5) & 7) << 2;
  if (step < 7) return upper | (vector(step - 2) & 3);
  return upper | ((vector(3) & 4) >> 1) | ((vector(4) & 4) >> 2);
}

function sixBits(step: number, vector: (v: number) => number): number {
  if (step < 3) return vector(step) >> 2;
  return ((vector(0) & 3) << 4) | ((vector(1) & 3) << 2) | (vector(2) & 3);
}
