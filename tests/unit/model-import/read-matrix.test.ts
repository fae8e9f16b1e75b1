import path from 'node:path';
import t from 'tap';
import { readGguf } from '../../../src/model-import/gguf/reader.js';
import type { QuantizedMatrix } from '../../../src/model-import/tensors/quantized-matrix.js';
import { reorderRows, stackRows } from '../../../src/model-import/tensors/quantized-matrix.js';
import { readMatrix } from '../../../src/model-import/tensors/read-matrix.js';
import { weightAt } from '../../fixtures/model-import/random-matrix.js';
import { BLOCK_FORMS, type BlockForm, formNamed } from './block-forms.js';
import { writeGguf } from './write-gguf.js';

const ROWS = 3;
const COLUMNS = 64;

/** The weights, row after row. */
function dequantize(matrix: QuantizedMatrix): Float32Array {
  const { rows, columns } = matrix;
  return Float32Array.from({ length: rows * columns }, (_, i) =>
    weightAt(matrix, Math.floor(i / columns), i % columns),
  );
}

function read(folder: string, form: BlockForm, values: Float32Array, floats: 'q8' | 'q4' = 'q8'): QuantizedMatrix {
  const file = path.join(folder, `${form.name}.gguf`);
  writeGguf(file, {}, [{ name: 'w', type: form.type, shape: [ROWS, COLUMNS], bytes: form.encode(values) }]);
  const gguf = readGguf(file);
  try {
    return readMatrix(gguf.tensors.get('w')!, ROWS, COLUMNS, floats);
  } finally {
    gguf.file.close();
  }
}

/** Values on 16 levels of every block, which all forms but Q4_0 hold exactly; its levels reach from -8 to 7. */
function onLevels(form: BlockForm['name']): Float32Array {
  const [offset, step] = form === 'Q4_0' ? [-8, 1 / 64] : [-113 / 16, 1 / 32];
  return Float32Array.from({ length: ROWS * COLUMNS }, (_, i) => {
    const level = i % 32 === 0 ? 0 : i % 32 === 31 ? 15 : (i * 7 + (i >> 5)) % 16;
    return (level + offset!) * step!;
  });
}

for (const form of BLOCK_FORMS) {
  t.test(`${form.name} is taken over without loss where its values allow it`, async (t) => {
    const values = onLevels(form.name);
    const matrix = read(t.testdir(), form, values);
    t.same([...dequantize(matrix)], [...values]);
    const expected = { F32: 'q8', F16: 'q8', BF16: 'q8', Q4_0: 'q4_0', Q4_1: 'q4_1', Q8_0: 'q8_0' }[form.name];
    t.equal(matrix.form, expected);
  });
}

t.test('floats are rounded to the nearest level of their block', async (t) => {
  const folder = t.testdir();
  const values = Float32Array.from({ length: ROWS * COLUMNS }, (_, i) => Math.sin(i * 1.7) * (1 + (i >> 5)));
  for (const [floats, levels] of [
    ['q8', 127],
    ['q4', 8],
  ] as const) {
    const rounded = dequantize(read(folder, formNamed('F32'), values, floats));
    for (let block = 0; block < values.length / 32; block++) {
      const range = [block * 32, block * 32 + 32] as const;
      const largest = Math.max(...values.subarray(...range).map(Math.abs));
      const errors = values.subarray(...range).map((value, i) => Math.abs(value - rounded[range[0] + i]!));
      // 4 bits have no level opposite to the extreme one, so a value there may be a whole step off.
      const allowed = (largest / levels) * (floats === 'q8' ? 0.5 : 1);
      t.ok(Math.max(...errors) <= allowed * 1.0001, `${floats} block ${block}: ${Math.max(...errors)} of ${allowed}`);
    }
  }
});

t.test('a block of zeros stays zero', async (t) => {
  const folder = t.testdir();
  for (const form of BLOCK_FORMS) {
    const zeros = new Float32Array(ROWS * COLUMNS);
    t.ok(
      dequantize(read(folder, form, zeros)).every((value) => value === 0),
      form.name,
    );
  }
});

t.test('weights that are not finite are refused', async (t) => {
  const folder = t.testdir();
  for (const poison of [Number.NaN, Number.POSITIVE_INFINITY]) {
    const values = new Float32Array(ROWS * COLUMNS).fill(1);
    values[40] = poison;
    t.throws(() => read(folder, formNamed('F32'), values), { code: 'model_invalid', message: /not finite/ });
  }
  const scale = formNamed('Q8_0').encode(new Float32Array(ROWS * COLUMNS));
  scale.writeUInt16LE(0x7c00, 34);
  const infinite = { ...formNamed('Q8_0'), encode: () => scale };
  t.throws(() => read(folder, infinite, new Float32Array(0)), { code: 'model_invalid', message: /not finite/ });
});

t.test('another shape, a ragged width and an unknown type are refused by name', async (t) => {
  const file = path.join(t.testdir(), 'w.gguf');
  const bytes = Buffer.alloc(4096);
  writeGguf(file, {}, [
    { name: 'wide', type: 0, shape: [2, 64], bytes },
    { name: 'ragged', type: 0, shape: [2, 40], bytes },
    { name: 'exotic', type: 21, shape: [2, 256], bytes },
  ]);
  const gguf = readGguf(file);
  t.teardown(() => gguf.file.close());
  const tensor = (name: string) => gguf.tensors.get(name)!;
  t.throws(() => readMatrix(tensor('wide'), 4, 32, 'q8'), { message: /wide has shape \[2, 64\], expected \[4, 32\]/ });
  t.throws(() => readMatrix(tensor('ragged'), 2, 40, 'q8'), { message: /40 columns.*multiple of 32/ });
  t.throws(() => readMatrix(tensor('exotic'), 2, 256, 'q8'), { message: /type IQ3_S.*not supported/ });
});

t.test('rows are reordered with their scales and minimums, and stacked where they hold weights alike', async (t) => {
  const folder = t.testdir();
  const values = onLevels('Q4_1').map((value, i) => value * (1 << Math.floor(i / COLUMNS)));
  const matrix = read(folder, formNamed('Q4_1'), values);
  const turned = dequantize(reorderRows(matrix, Uint32Array.of(2, 0, 1)));
  const row = (i: number) => [...values.subarray(i * COLUMNS, (i + 1) * COLUMNS)];
  t.same([...turned], [...row(2), ...row(0), ...row(1)]);

  const other = read(folder, formNamed('Q8_0'), onLevels('Q8_0'));
  const stacked = stackRows([matrix, matrix, { ...other, form: 'q8' }, other]);
  t.same(
    stacked.map(({ form, rows }) => [form, rows]),
    [
      ['q4_1', 2 * ROWS],
      ['q8', 2 * ROWS],
    ],
  );
  t.same([...dequantize(stacked[0]!)], [...values, ...values]);
});
