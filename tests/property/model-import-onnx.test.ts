import fc from 'fast-check';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import t from 'tap';
import { DataType } from '../../src/layouts/onnx.js';
import { declareLora } from '../../src/model-import/decoder/grouped-lora.js';
import { GraphWriter } from '../../src/model-import/onnx/graph-writer.js';
import { writeLinear } from '../../src/model-import/onnx/linear.js';
import type { QuantizedMatrix } from '../../src/model-import/tensors/quantized-matrix.js';
import { numbers, randomMatrix, weightAt } from '../fixtures/model-import/random-matrix.js';

const cases = fc.record({
  columns: fc.constantFrom(32, 64, 160),
  parts: fc.array(
    fc.record({
      form: fc.constantFrom<QuantizedMatrix['form']>('q4_0', 'q4_1', 'q8_0', 'q8', 'q4'),
      rows: fc.integer({ min: 1, max: 40 }),
    }),
    { minLength: 1, maxLength: 3 },
  ),
  bias: fc.boolean(),
  /** Adapter of each token; null for none. */
  tokens: fc.array(fc.option(fc.integer({ min: 0, max: 3 })), { minLength: 1, maxLength: 12 }),
  rank: fc.integer({ min: 0, max: 5 }),
  seed: fc.nat(1000),
});

t.test('a linear layer of any forms, with tokens of any adapters, is what the formula says', async (t) => {
  await fc.assert(
    fc.asyncProperty(cases, async ({ columns, parts, bias, tokens, rank, seed }) => {
      const matrices = parts.map(({ form, rows }, i) => randomMatrix(form, rows, columns, seed + 10 * i));
      const rows = matrices.reduce((sum, matrix) => sum + matrix.rows, 0);
      const biases = bias ? numbers(rows, seed + 100) : null;

      const graph = new GraphWriter(null);
      const x = graph.input('x', DataType.float, ['N', columns]);
      const update = declareLora(graph)('qkv', 0, columns, rows);
      const y = writeLinear(graph, x, { name: 'w', parts: matrices, bias: biases }, update);
      graph.node('Identity', [y], { outputs: [graph.output('y', DataType.float, ['N', rows])] });
      const session = await InferenceSession.create(withFloatActivations(graph.finish()), { intraOpNumThreads: 1 });

      const adapters = [...new Set(tokens.filter((adapter) => adapter !== null))];
      const values = numbers(tokens.length * columns, seed + 200);
      const a = numbers(adapters.length * rank * columns, seed + 300);
      const b = numbers(adapters.length * rank * rows, seed + 400);
      const result = await session.run({
        x: new Tensor('float32', values, [tokens.length, columns]),
        ...groupFeeds(tokens, adapters),
        'A.qkv.0': new Tensor('float32', a, [adapters.length, rank, columns]),
        'B.qkv.0': new Tensor('float32', b, [adapters.length, rank, rows]),
      });
      await session.release();
      const actual = result.y!.data as Float32Array;

      tokens.forEach((adapter, token) => {
        const input = values.subarray(token * columns, (token + 1) * columns);
        const dot = (other: (column: number) => number) =>
          input.reduce((sum, value, column) => sum + value * other(column), 0);
        const slot = adapter === null ? -1 : adapters.indexOf(adapter);
        const inner = Array.from({ length: slot < 0 ? 0 : rank }, (_, r) =>
          dot((k) => a[(slot * rank + r) * columns + k]!),
        );
        let row = 0;
        for (const matrix of matrices) {
          for (let own = 0; own < matrix.rows; own++, row++) {
            const low = inner.reduce((sum, value, r) => sum + value * b[(slot * rank + r) * rows + row]!, 0);
            const expected = dot((column) => weightAt(matrix, own, column)) + (biases?.[row] ?? 0) + low;
            const difference = Math.abs(actual[token * rows + row]! - expected);
            if (!(difference <= 1e-4 * (1 + Math.abs(expected)))) {
              throw new Error(`token ${token}, row ${row}: ${actual[token * rows + row]} instead of ${expected}`);
            }
          }
        }
      });
    }),
    { numRuns: 60 },
  );
  t.pass('all rows of all tokens');
});

function groupFeeds(tokens: readonly (number | null)[], adapters: readonly number[]): Record<string, Tensor> {
  const groups = adapters.map((adapter) => tokens.flatMap((own, token) => (own === adapter ? [token] : [])));
  const places = Math.max(0, ...groups.map((group) => group.length));
  const indexes = groups.flatMap((group) => Array.from({ length: places }, (_, m) => group[m] ?? 0));
  const back = tokens.map((adapter, token) => {
    const slot = adapter === null ? -1 : adapters.indexOf(adapter);
    return slot < 0 ? adapters.length * places : slot * places + groups[slot]!.indexOf(token);
  });
  const int64 = (values: readonly number[]) => new Tensor('int64', BigInt64Array.from(values, BigInt), [values.length]);
  return { lora_gidx: int64(indexes), lora_shape: int64([adapters.length, places]), lora_back: int64(back) };
}

/** Accuracy level 1 instead of 4: the formula has no 8-bit activations. */
function withFloatActivations(model: Uint8Array): Uint8Array {
  const bytes = Buffer.from(model);
  const level = Buffer.from('accuracy_level\x18\x04');
  for (let at = bytes.indexOf(level); at >= 0; at = bytes.indexOf(level, at + 1)) bytes[at + level.length - 1] = 1;
  return bytes;
}
