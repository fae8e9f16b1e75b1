import t from 'tap';
import { rowCopyGraph } from '../../../../src/engine/process/device/row-copy-graph.js';
import { nameList, OnnxRuntime } from '../../../../src/engine/process/onnxruntime.js';

t.test('rows are copied between tensors of any shape, and nothing else is written', async (t) => {
  const runtime = new OnnxRuntime();
  const { model, inputs, outputs } = rowCopyGraph('float', 2);
  const session = runtime.createSession(model, { threads: 1, spinUs: 0, inputs: inputs.length });
  const shapes = [
    { row: [2, 3], from: 4, to: 3 },
    { row: [5], from: 4, to: 3 },
  ];
  const numbers = (rows: number, row: readonly number[], first: number) =>
    Float32Array.from({ length: rows * row.reduce((a, b) => a * b) }, (_, i) => first + i);
  const from = shapes.map(({ row, from }, i) => numbers(from, row, 100 * i));
  const to = shapes.map(({ row, to }, i) => numbers(to, row, -1000 * (i + 1)));
  const expected = to.map((target, i) => {
    const length = shapes[i]!.row.reduce((a, b) => a * b);
    const copied = Float32Array.from(target);
    copied.set(from[i]!.subarray(3 * length, 4 * length), length);
    return copied;
  });

  const rows = [runtime.createTensor(BigInt64Array.of(3n), [1]), runtime.createTensor(BigInt64Array.of(1n), [1, 1])];
  const sources = shapes.map(({ row, from: count }, i) => runtime.createTensor(from[i]!, [count, ...row]));
  const targets = shapes.map(({ row, to: count }, i) => runtime.createTensor(to[i]!, [count, ...row]));
  const bound = BigUint64Array.from([...rows, ...sources, ...targets]);
  runtime.run(session, nameList(inputs), bound, nameList(outputs), BigUint64Array.from(targets));
  t.same(to, expected);
});
