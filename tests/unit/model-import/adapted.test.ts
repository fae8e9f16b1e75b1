import { writeFileSync } from 'node:fs';
import path from 'node:path';
import t, { type Test } from 'tap';
import { adaptedWeights } from '../../../src/model-import/embedder/adapted.js';
import { openWeights } from '../../../src/model-import/embedder/weights.js';
import { type FloatTensor, writeSafetensors } from './write-safetensors.js';

const LINEAR = 'encoder.layer.0.output.dense';
const COLUMNS = 32;
const matrix = (shape: readonly number[], value: (row: number, column: number) => number): FloatTensor => {
  const [rows, columns] = shape as [number, number];
  return {
    shape,
    values: Float32Array.from({ length: rows * columns }, (_, i) => value(Math.floor(i / columns), i % columns)),
  };
};
const BASE = {
  [`${LINEAR}.weight`]: matrix([2, COLUMNS], (row, column) => row + column),
  [`${LINEAR}.bias`]: { shape: [2], values: Float32Array.of(5, 6) },
  'encoder.layer.1.output.dense.weight': matrix([2, COLUMNS], () => 1),
};
/** Rank 2; twice its product is added: alpha is 4. */
const A = matrix([2, COLUMNS], (row, column) => (row === 0 ? column : 1));
const B = matrix([2, 2], (row, column) => 10 * row + column);

function open(t: Test, halves: Readonly<Record<string, FloatTensor>>) {
  const folder = t.testdir();
  const base = path.join(folder, 'model.safetensors');
  writeSafetensors(base, BASE);
  writeSafetensors(path.join(folder, 'adapter_model.safetensors'), halves);
  writeFileSync(path.join(folder, 'adapter_config.json'), JSON.stringify({ r: 2, lora_alpha: 4 }));
  const weights = adaptedWeights(openWeights(base), folder);
  t.teardown(() => weights.close());
  return weights;
}

const half = (side: 'A' | 'B') => `base_model.model.${LINEAR}.lora_${side}.weight`;

t.test('a linear that is adapted has the product added, in every form', (t) => {
  const weights = open(t, { [half('A')]: A, [half('B')]: B });
  // Row 0: 0 · column + 1; row 1: 10 · column + 11; both twice.
  const merged = matrix([2, COLUMNS], (row, column) => row + column + 2 * (row === 0 ? 1 : 10 * column + 11)).values;
  t.strictSame(weights.floats(`${LINEAR}.weight`, 2, COLUMNS), merged);
  const { codes, scales } = weights.channels(`${LINEAR}.weight`, 2, COLUMNS);
  const off = merged.map((value, i) => Math.abs(value - codes[i]! * scales[Math.floor(i / COLUMNS)]!));
  t.ok(
    off.every((distance, i) => distance <= scales[Math.floor(i / COLUMNS)]! / 2 + 1e-4),
    'rounded to its row’s steps',
  );
  t.equal(weights.matrix(`${LINEAR}.weight`, 2, COLUMNS).scales.length, 2, 'a block a row');
  t.end();
});

t.test('everything else is as it was', (t) => {
  const weights = open(t, { [half('A')]: A, [half('B')]: B });
  t.strictSame(weights.floats(`${LINEAR}.bias`, 2), Float32Array.of(5, 6));
  t.ok(weights.floats('encoder.layer.1.output.dense.weight', 2, COLUMNS).every((value) => value === 1));
  t.end();
});

t.test('half an adapter, or one of another shape, is refused by name', (t) => {
  const alone = open(t, { [half('A')]: A });
  t.throws(() => alone.floats(`${LINEAR}.weight`, 2, COLUMNS), {
    code: 'model_invalid',
    message: /only one half of .*output\.dense/,
  });
  const other = open(t, { [half('A')]: A, [half('B')]: matrix([3, 2], () => 0) });
  t.throws(() => other.channels(`${LINEAR}.weight`, 2, COLUMNS), { code: 'model_invalid', message: /lora_B/ });
  t.end();
});
