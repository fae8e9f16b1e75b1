import fc from 'fast-check';
import t from 'tap';
import { HALF_TO_FLOAT } from '../../src/layouts/half-float.js';
import { packedForm, packWeights } from '../../src/model-import/onnx/pack-weights.js';
import type { QuantizedMatrix } from '../../src/model-import/tensors/quantized-matrix.js';
import { randomMatrix, weightAt } from '../fixtures/model-import/random-matrix.js';

type Form = QuantizedMatrix['form'];

/** Bytes of a block's codes and scales, and its weights along a row; of q2 and q3 two blocks of codes lie together, of q2 sixteen of scales. */
const BLOCKS = {
  q2: [64, 20, 16],
  q3: [96, 32, 16],
  q4_0: [256, 32, 32],
  q4_1: [256, 64, 32],
  iq4: [256, 32, 32],
  q5_0: [320, 32, 32],
  q5_1: [320, 64, 32],
  q6: [192, 32, 16],
  q8_0: [512, 32, 32],
} as const;
const IQ4 = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

const linears = fc.record({
  forms: fc.oneof(
    fc.array(fc.constantFrom<Form>('q4_0', 'q4_1', 'q4_k', 'q4'), { minLength: 1, maxLength: 3 }),
    fc.array(fc.constant<Form>('q3_k'), { minLength: 1, maxLength: 3 }),
    fc.array(fc.constant<Form>('q5_0'), { minLength: 1, maxLength: 3 }),
    fc.array(fc.constantFrom<Form>('q5_1', 'q5_k'), { minLength: 1, maxLength: 3 }),
    fc.array(fc.constantFrom<Form>('iq4_nl', 'iq4_xs'), { minLength: 1, maxLength: 3 }),
    fc.array(fc.constant<Form>('q6_k'), { minLength: 1, maxLength: 3 }),
    fc.array(fc.constantFrom<Form>('q8_0', 'q8'), { minLength: 1, maxLength: 3 }),
  ),
  interleaved: fc.boolean(),
  columns: fc.constantFrom(32, 96, 160),
  wholeGroups: fc.integer({ min: 1, max: 2 }),
  lastRows: fc.integer({ min: 1, max: 40 }),
  seed: fc.nat(1000),
});

/** They come in 256s. */
const ofTwoBits = fc.record({
  forms: fc.array(fc.constant<Form>('q2_k'), { minLength: 1, maxLength: 3 }),
  interleaved: fc.boolean(),
  columns: fc.constantFrom(256, 768),
  wholeGroups: fc.integer({ min: 1, max: 2 }),
  lastRows: fc.integer({ min: 1, max: 20 }),
  seed: fc.nat(1000),
});

t.test('neighbours of forms that no one form holds have none in common', async (t) => {
  const matrix = (form: Form) => randomMatrix(form, 16, 32, 1);
  t.equal(packedForm([matrix('q4_0'), matrix('q4')]), 'q4_0');
  t.equal(packedForm([matrix('q4_0'), matrix('q4_k')]), 'q4_1');
  t.equal(packedForm([matrix('q4_0'), matrix('iq4_xs')]), null);
  t.equal(packedForm([matrix('q5_0'), matrix('q5_k')]), null);
  t.equal(packedForm([matrix('q3_k'), matrix('q6_k')]), null);
});

t.test('packed weights, read as native/src/layout.h draws them, are the weights of the matrices', async (t) => {
  fc.assert(
    fc.property(fc.oneof(linears, ofTwoBits), ({ forms, interleaved, columns, wholeGroups, lastRows, seed }) => {
      const rowsOf = (part: number) => (interleaved || part === forms.length - 1 ? lastRows : 16 * wholeGroups);
      const parts = forms.map((form, part) => randomMatrix(form, rowsOf(part), columns, seed + 10 * part));
      const packing = packedForm(parts)!;
      const packed = packWeights(parts, packing, interleaved);
      const groups = parts.map(({ rows }) => Math.ceil(rows / 16));
      parts.forEach((part, p) => {
        const groupsBefore = groups.slice(0, p).reduce((sum, count) => sum + count, 0);
        for (let row = 0; row < 16 * groups[p]!; row++) {
          const ownGroup = Math.floor(row / 16);
          const group = interleaved ? ownGroup * parts.length + p : groupsBefore + ownGroup;
          for (let column = 0; column < columns; column++) {
            const actual = readWeight(packed, packing, columns, group, row % 16, column);
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
  packing: keyof typeof BLOCKS,
  inputs: number,
  group: number,
  lane: number,
  k: number,
): number {
  const [blockBytes, scaleBytes, weights] = BLOCKS[packing];
  const blocks = inputs / weights;
  const groupBytes = Math.ceil((blocks * (blockBytes + scaleBytes)) / 64) * 64;
  const block = Math.floor(k / weights);
  const start = group * groupBytes;
  const half = (at: number) => HALF_TO_FLOAT[packed[at]! | (packed[at + 1]! << 8)]!;
  const scale = start + blocks * blockBytes + block * scaleBytes + 2 * lane;
  const together = packing === 'q6' ? 16 : 32;
  const step = Math.floor((k % together) / 4);
  const codes = start + Math.floor(k / together) * ((blockBytes * together) / weights);
  const vector = (v: number) => packed[codes + v * 64 + 4 * lane + (k % 4)]!;
  const nibble = () => (step % 2 ? vector(step >> 1) >> 4 : vector(step >> 1) & 15);
  switch (packing) {
    case 'q2': {
      const common = start + blocks * blockBytes + Math.floor(k / 256) * 320;
      const factor = packed[common + ((block % 16) >> 2) * 64 + 4 * lane + (block % 4)]!;
      const halves = common + 256 + 2 * lane;
      const code = (vector(step >> 2) >> (6 - 2 * (step % 4))) & 3;
      return half(halves) * (factor & 15) * code + half(halves + 32) * (factor >> 4);
    }
    case 'q3':
      return half(scale) * (threeBits(step, vector) - 4);
    case 'q4_0':
      return half(scale) * (nibble() - 8);
    case 'q4_1':
      return half(scale) * nibble() + half(scale + 32);
    case 'iq4':
      return half(scale) * IQ4[nibble()]!;
    case 'q5_0':
      return half(scale) * (fiveBits(step, vector) - 16);
    case 'q5_1':
      return half(scale) * fiveBits(step, vector) + half(scale + 32);
    case 'q6':
      return half(scale) * (sixBits(step, vector) - 32);
    case 'q8_0':
      return half(scale) * (vector(step) - 128);
  }
}

function threeBits(step: number, vector: (v: number) => number): number {
  if (step < 6) return (vector(step >> 1) >> (step % 2 ? 2 : 5)) & 7;
  if (step === 6) return ((vector(0) & 3) << 1) | ((vector(1) & 2) >> 1);
  return ((vector(2) & 3) << 1) | (vector(1) & 1);
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
