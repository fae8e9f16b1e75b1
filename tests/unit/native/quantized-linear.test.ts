import t from 'tap';
import { toHalf } from '../../../src/layouts/half-float.js';
import { panelIndex } from '../../../src/layouts/lora.js';
import { packedForm, packWeights } from '../../../src/model-import/onnx/pack-weights.js';
import { emptyMatrix, foldFactors, type QuantizedMatrix } from '../../../src/model-import/tensors/quantized-matrix.js';
import { kernelPaths, operatorSession, type TestTensor } from '../../fixtures/native/session.js';

const ROWS = 5;
const LORA_TYPES = ['int32', 'int32', 'float16', 'float16', 'float16'] as const;

/**
 * Whole numbers whose blocks all have the largest magnitude 127, so that they are quantized without loss, at scale 1.
 * Each row has two outliers beside, of no whole number: they stay floats.
 */
function activations(columns: number): Float32Array {
  return Float32Array.from({ length: ROWS * columns }, (_, i) => {
    const outlier = [5, 40].indexOf(i % columns);
    if (outlier >= 0) return [1000.3, -777.7][outlier]!;
    return i % 16 === 0 ? 127 : ((i * 37) % 255) - 127;
  });
}

type Form = 'q2_k' | 'q3_k' | 'q4_0' | 'q4_1' | 'iq4_nl' | 'q5_0' | 'q5_1' | 'q6_k' | 'q8_0';

const codeAt = (bits: number, salt: number, i: number) => ((i + salt) * 2654435761) % (1 << bits);
const scaleAt = (block: number) => (1 + (block % 5)) / 1024;
const minimumAt = (block: number) => -(1 + (block % 7)) / 256;

/** A matrix, and its weights as the formula of its form gives them. */
interface Weights {
  readonly matrix: QuantizedMatrix;
  readonly at: (row: number, column: number) => number;
}

function weights(rows: number, columns: number, form: Form, salt: number): Weights {
  const matrix = emptyMatrix(form, rows, columns);
  const { bits, levels } = matrix;
  for (let i = 0; i < rows * columns; i++) {
    if (bits !== 4) matrix.codes[i] = codeAt(bits, salt, i);
    else matrix.codes[i >> 1]! |= codeAt(4, salt, i) << (4 * (i & 1));
  }
  if (matrix.common) {
    const { factors, scales, minimums } = matrix.common;
    factors.set(factors.map((_, block) => codeAt(8, salt, block)));
    scales.set(scales.map((_, whole) => scaleAt(whole)));
    minimums.set(minimums.map((_, whole) => minimumAt(whole)));
    foldFactors(matrix, 0, factors.length);
  } else {
    matrix.scales.set(matrix.scales.map((_, block) => scaleAt(block)));
    matrix.minimums?.set(matrix.scales.map((_, block) => minimumAt(block)));
  }
  const at = (row: number, column: number) => {
    const i = row * columns + column;
    const block = Math.floor(i / matrix.scaleBlock);
    const code = codeAt(bits, salt, i);
    const scale = matrix.scales[block]!;
    if (levels) return scale * levels[code]!;
    return matrix.minimums ? scale * code + matrix.minimums[block]! : scale * (code - (1 << (bits - 1)));
  };
  return { matrix, at };
}

function product(x: Float32Array, row: number, { matrix: { columns }, at }: Weights, output: number): number {
  let sum = 0;
  for (let k = 0; k < columns; k++) sum += x[row * columns + k]! * at(output, k);
  return sum;
}

/** Panels of a matrix of `rank` rows, at `target[offset...]`. */
function packPanels(matrix: Float32Array, rank: number, target: Uint16Array, offset: number): void {
  const columns = matrix.length / rank;
  matrix.forEach((value, i) => {
    target[offset + panelIndex(Math.floor(i / columns), i % columns, rank)] = toHalf(value);
  });
}

function tensor(type: TestTensor['type'], dims: number[], data: TestTensor['data']): TestTensor {
  return { type, dims, data };
}

function close(actual: Float32Array, expected: (row: number, output: number) => number, outputs: number): string[] {
  const wrong: string[] = [];
  for (let row = 0; row < ROWS; row++) {
    for (let n = 0; n < outputs; n++) {
      const [is, should] = [actual[row * outputs + n]!, expected(row, n)];
      if (!(Math.abs(is - should) <= 1e-4 * Math.max(1, Math.abs(should))))
        wrong.push(`[${row}, ${n}] ${is}, not ${should}`);
    }
  }
  return wrong;
}

for (const form of ['q2_k', 'q3_k', 'q4_0', 'q4_1', 'iq4_nl', 'q5_0', 'q5_1', 'q6_k', 'q8_0'] as const) {
  t.test(`a linear of ${form} weights is right, and the same to the bit on every path`, async (t) => {
    const [columns, outputs] = [form === 'q2_k' ? 256 : 96, 44];
    const m = weights(outputs, columns, form, 1);
    const { bits, minimums, levels } = m.matrix;
    const packed = packWeights([m.matrix], packedForm([m.matrix])!, false);
    const x = activations(columns);
    const results = kernelPaths().map((path) => {
      const session = operatorSession(
        'QuantizedLinear',
        {
          K: columns,
          N: outputs,
          bits,
          minimum: Number(minimums !== null),
          levels: Number(levels !== null),
          factors: Number(bits === 2),
          gated: 0,
        },
        ['float', 'uint8'],
        { path },
      );
      const inputs = [tensor('float', [ROWS, columns], x), tensor('uint8', [packed.length], packed)];
      const y = session.run(inputs, new Float32Array(ROWS * outputs), [ROWS, outputs]);
      session.close();
      return y;
    });
    t.same(
      close(results[0]!, (row, n) => product(x, row, m, n), outputs),
      [],
    );
    for (const y of results) t.same(y, results[0]);
  });
}

t.test('a gated linear is silu(gate) · up', async (t) => {
  const [columns, outputs] = [64, 20];
  const [gate, up] = [weights(outputs, columns, 'q4_1', 1), weights(outputs, columns, 'q4_1', 9)];
  const packed = packWeights([gate.matrix, up.matrix], 'q4_1', true);
  const x = activations(columns).map((value) => value / 127);
  const session = operatorSession('QuantizedLinear', { K: columns, N: outputs, bits: 4, gated: 1 }, ['float', 'uint8']);
  const inputs = [tensor('float', [ROWS, columns], x), tensor('uint8', [packed.length], packed)];
  const y = session.run(inputs, new Float32Array(ROWS * outputs), [ROWS, outputs]);
  session.close();
  const expected = (row: number, n: number) => {
    const g = product(x, row, gate, n);
    return (g / (1 + Math.exp(-g))) * product(x, row, up, n);
  };
  t.same(close(y, expected, outputs), []);
});

t.test(
  'rows with different adapters, other ranks and none share a call, each adapter adding its own B A x',
  async (t) => {
    const columns = 64;
    const widths = [32, 16];
    const outputs = 48;
    const [capacity, slots] = [4, 3];
    const m = weights(outputs, columns, 'q4_1', 3);
    const packed = packWeights([m.matrix], packedForm([m.matrix])!, false);
    const x = activations(columns).map((value) => value / 127);
    const rowSlots = Int32Array.of(2, -1, 0, 2, 1);
    // Columns 1 and 2 of the table belong to this linear; the others to linears elsewhere.
    const ranks = Int32Array.of(3, 4, 1, 3, 3, 0, 2, 3, 2, 3, 3, 1);
    const rank = (slot: number, target: number) => ranks[slot * 4 + 1 + target]!;
    const aBank = new Uint16Array(slots * 2 * capacity * columns).fill(0x7e00);
    const bBank = new Uint16Array(slots * capacity * outputs).fill(0x7e00);
    const a = (slot: number, target: number, i: number, k: number) =>
      (((slot * 7 + target * 3 + i * 5 + k) % 9) - 4) / 16;
    const b = (slot: number, target: number, i: number, n: number) =>
      (((slot * 5 + target * 2 + i * 3 + n) % 7) - 3) / 8;
    for (let slot = 0; slot < slots; slot++) {
      for (let target = 0; target < 2; target++) {
        const r = rank(slot, target);
        if (!r) continue;
        const values = (width: number, f: typeof a) =>
          Float32Array.from({ length: r * width }, (_, i) => f(slot, target, Math.floor(i / width), i % width));
        packPanels(values(columns, a), r, aBank, (slot * 2 + target) * capacity * columns);
        packPanels(values(widths[target]!, b), r, bBank, (slot * outputs + (target ? widths[0]! : 0)) * capacity);
      }
    }
    const attributes = {
      K: columns,
      N: outputs,
      bits: 4,
      gated: 0,
      lora_widths: widths,
      lora_column: 1,
      next_lora_column: 1,
    };
    const inputs = [
      tensor('float', [ROWS, columns], x),
      tensor('uint8', [packed.length], packed),
      tensor('int32', [ROWS], rowSlots),
      tensor('int32', [slots, 4], ranks),
      tensor('float16', [slots, 2, capacity, columns], aBank),
      tensor('float16', [slots, capacity, outputs], bBank),
      tensor('float16', [slots, 2, capacity, columns], aBank),
    ];
    const results = kernelPaths().map((path) => {
      const session = operatorSession('QuantizedLinear', attributes, ['float', 'uint8', ...LORA_TYPES], { path });
      const y = session.run(inputs, new Float32Array(ROWS * outputs), [ROWS, outputs]);
      session.close();
      return y;
    });
    const expected = (row: number, n: number) => {
      let sum = product(x, row, m, n);
      const slot = rowSlots[row]!;
      const target = n < widths[0]! ? 0 : 1;
      for (let i = 0; slot >= 0 && i < rank(slot, target); i++) {
        let u = 0;
        for (let k = 0; k < columns; k++) u += x[row * columns + k]! * a(slot, target, i, k);
        sum += u * b(slot, target, i, n - (target ? widths[0]! : 0));
      }
      return sum;
    };
    t.same(close(results[0]!, expected, outputs), []);
    for (const y of results) t.same(y, results[0]);

    for (const part of [0, 1]) {
      const width = widths[part]!;
      const alone = { ...attributes, N: width, lora_part: [part, 1] };
      const session = operatorSession('QuantizedLinear', alone, ['float', 'uint8', ...LORA_TYPES]);
      const group = packed.length / 3;
      const own = part === 0 ? packed.slice(0, 2 * group) : packed.slice(2 * group);
      const y = session.run(inputs.with(1, tensor('uint8', [own.length], own)), new Float32Array(ROWS * width), [
        ROWS,
        width,
      ]);
      session.close();
      const whole = Array.from({ length: ROWS }, (_, row) => {
        const from = row * outputs + (part ? widths[0]! : 0);
        return [...results[0]!.subarray(from, from + width)];
      }).flat();
      t.same([...y], whole, 'targets apart, over the same bank, are those of the whole to the bit');
    }

    const session = operatorSession('QuantizedLinear', attributes, ['float', 'uint8', ...LORA_TYPES]);
    const y = new Float32Array(ROWS * outputs);
    const withSlots = inputs.with(2, tensor('int32', [ROWS], Int32Array.of(0, 1, 3, 0, 0)));
    t.throws(() => session.run(withSlots, y, [ROWS, outputs]), /row 2 names bank slot 3 of 3/);
    const withLarger = inputs.with(3, tensor('int32', [slots, 4], ranks.with(8, 9)));
    t.throws(() => session.run(withLarger, y, [ROWS, outputs]), /at bank slot 2 takes 12 rows, past the bank's 12/);
    t.same(y, new Float32Array(ROWS * outputs), 'nothing was written');
    session.close();
  },
);

t.test('wrong attributes, shapes and paths are refused with what is wrong', async (t) => {
  const make = (attributes: Record<string, number>) =>
    operatorSession('QuantizedLinear', attributes, ['float', 'uint8']);
  t.throws(() => make({ K: 48, N: 16, bits: 4, gated: 0 }), /K must be a multiple of 32/);
  t.throws(() => make({ K: 32, N: 16, bits: 7, gated: 0 }), /bits must be 2 \(q2\), 3 \(q3\), 4 \(q4_0/);
  t.throws(() => make({ K: 256, N: 16, bits: 2, gated: 0 }), /weights of 2 bits .*: import the model again/);
  t.throws(() => make({ K: 96, N: 16, bits: 2, factors: 1, gated: 0 }), /K must be a multiple of 256/);
  const session = make({ K: 32, N: 16, bits: 4, gated: 0 });
  const packed = new Uint8Array(319);
  const inputs = [tensor('float', [1, 32], new Float32Array(32)), tensor('uint8', [319], packed)];
  t.throws(() => session.run(inputs, new Float32Array(16), [1, 16]), /packed weights must be 320 bytes/);
  session.close();
  const attributes = { K: 32, N: 16, bits: 4, gated: 0 };
  t.throws(
    () => operatorSession('QuantizedLinear', attributes, ['float', 'uint8'], { path: 'abacus' }),
    /kernel path abacus is not available; this CPU has .*scalar/,
  );
});
