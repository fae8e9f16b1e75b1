import { writeFileSync } from 'node:fs';
import path from 'node:path';
import t, { type Test } from 'tap';
import { DataType, encodeModel } from '../../../src/layouts/onnx.js';
import { openQuantizedOnnx } from '../../../src/model-import/embedder/quantized-onnx.js';

const LINEAR = 'encoder.layer.0.output.dense.weight';
const TABLE = 'embeddings.word_embeddings.weight';

const tensor = (name: string, type: number, dims: number[], values: Int8Array | Uint8Array | Float32Array) => ({
  name,
  data_type: type,
  dims,
  raw_data: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
});

/** Two inputs and three outputs of a linear, two rows of a table, a bias. */
function write(t: Test, zero = Int8Array.of(0, 0, 0), without = ''): string {
  const file = path.join(t.testdir(), 'model.onnx');
  const initializer = [
    tensor('onnx::MatMul_7_quantized', DataType.int8, [2, 3], Int8Array.of(1, -2, 3, 4, 5, -64)),
    tensor('onnx::MatMul_7_scale', DataType.float, [3], Float32Array.of(0.5, 0.25, 2)),
    tensor('onnx::MatMul_7_zero_point', DataType.int8, [3], zero),
    tensor(`${TABLE}_quantized`, DataType.uint8, [2, 2], Uint8Array.of(0, 10, 20, 255)),
    { name: `${TABLE}_scale`, data_type: DataType.float, dims: [], float_data: [0.5] },
    { name: `${TABLE}_zero_point`, data_type: DataType.uint8, dims: [], int32_data: [10] },
    tensor('encoder.layer.0.output.dense.bias', DataType.float, [3], Float32Array.of(1, 2, 3)),
  ].filter(({ name }) => name !== without);
  const node = [
    {
      op_type: 'MatMulInteger',
      name: '/encoder/layer.0/output/dense/MatMul_quant',
      input: ['x', 'onnx::MatMul_7_quantized'],
      output: ['y'],
    },
  ];
  writeFileSync(file, encodeModel({ name: 'g', node, initializer, input: [], output: [] }, []));
  return file;
}

t.test('integers of a linear are taken over as they are, with outputs first', (t) => {
  const weights = openQuantizedOnnx(write(t));
  t.same(weights.channels(LINEAR, 3, 2), {
    codes: Int8Array.of(1, 4, -2, 5, 3, -64),
    scales: Float32Array.of(0.5, 0.25, 2),
  });
  t.same(weights.floats(LINEAR, 3, 2), Float32Array.of(0.5, 2, -0.5, 1.25, 6, -128));
  t.same(weights.floats('encoder.layer.0.output.dense.bias', 3), Float32Array.of(1, 2, 3));
  t.same(weights.floats(TABLE, 2, 2), Float32Array.of(-5, 0, 5, 122.5));
  t.end();
});

t.test('integers around another level than zero are rounded to ones around zero', (t) => {
  const weights = openQuantizedOnnx(write(t, Int8Array.of(1, 0, 0)));
  t.same(weights.floats(LINEAR, 3, 2), Float32Array.of(0, 1.5, -0.5, 1.25, 6, -128));
  const { codes, scales } = weights.channels(LINEAR, 3, 2);
  t.same(codes, Int8Array.of(0, 127, -51, 127, 6, -127));
  t.same(scales, Float32Array.of(1.5 / 127, 1.25 / 127, 128 / 127));
  t.end();
});

t.test('a file that lacks something, or is none, is refused by name', (t) => {
  const lacking = openQuantizedOnnx(write(t, undefined, 'onnx::MatMul_7_scale'));
  t.throws(() => lacking.channels(LINEAR, 3, 2), { code: 'model_invalid', message: /onnx::MatMul_7_scale is missing/ });
  const weights = openQuantizedOnnx(write(t));
  t.throws(() => weights.floats(LINEAR, 3, 4), { code: 'model_invalid', message: /12 values/ });
  t.throws(() => weights.floats('pooler.dense.weight', 3, 4), { code: 'model_invalid', message: /is missing/ });
  const none = path.join(t.testdir(), 'none.onnx');
  writeFileSync(none, 'not a model');
  t.throws(() => openQuantizedOnnx(none), { code: 'model_invalid', message: /not a readable ONNX model/ });
  t.end();
});
