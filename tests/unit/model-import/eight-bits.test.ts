import t from 'tap';
import { toEightBits, widened } from '../../../src/model-import/tensors/eight-bits.js';
import type { QuantizedMatrix } from '../../../src/model-import/tensors/quantized-matrix.js';
import { randomMatrix, weightAt } from '../../fixtures/model-import/random-matrix.js';

const [ROWS, COLUMNS] = [5, 96];

/** Largest difference over the size of a level, of any weight. */
function worst(matrix: QuantizedMatrix, wide: QuantizedMatrix): number {
  let largest = 0;
  for (let row = 0; row < ROWS; row++) {
    for (let column = 0; column < COLUMNS; column++) {
      const level = Math.abs(wide.scales[Math.floor((row * COLUMNS + column) / wide.scaleBlock)]!);
      const difference = Math.abs(weightAt(wide, row, column) - weightAt(matrix, row, column));
      largest = Math.max(largest, difference / level);
    }
  }
  return largest;
}

t.test('symmetric forms with a scale for 32 become 8-bit codes of the same weights', async (t) => {
  for (const form of ['q4_0', 'q4', 'q5_0', 'iq4_nl'] as const) {
    const matrix = randomMatrix(form, ROWS, COLUMNS, 3);
    const wide = toEightBits(matrix);
    t.match(wide, { bits: 8, rows: ROWS, columns: COLUMNS, minimums: null });
    t.equal(worst(matrix, wide), 0, form);
  }
});

t.test('a form with minimums goes to the nearest of 255 levels', async (t) => {
  const matrix = randomMatrix('q4_1', ROWS, COLUMNS, 4);
  const wide = toEightBits(matrix);
  t.match(wide, { bits: 8, minimums: null });
  const error = worst(matrix, wide);
  // Scales are halves: one that was rounded down takes up to 127 * 2^-11 of a level from the largest weight.
  t.ok(error > 0 && error <= 0.5 + 127 * 2 ** -11, `${error} of a level`);
});

t.test('a form with a scale for 16 is widened without loss, or goes to the nearest of 255 levels of 32', async (t) => {
  const matrix = randomMatrix('q6_k', ROWS, COLUMNS, 6);
  t.equal(worst(matrix, widened(matrix)), 0);
  t.match(widened(matrix), { bits: 8, scaleBlock: 16 });
  t.match(toEightBits(matrix), { bits: 8, scaleBlock: 32 });
  const error = worst(matrix, toEightBits(matrix));
  t.ok(error > 0 && error <= 0.5 + 127 * 2 ** -11, `${error} of a level`);
});

t.test('a form with minimums is widened to the same weights, up to the rounding of a float', async (t) => {
  const matrix = randomMatrix('q5_1', ROWS, COLUMNS, 7);
  t.match(widened(matrix), { bits: 8, scaleBlock: 32, minimums: Float32Array });
  t.ok(worst(matrix, widened(matrix)) < 1e-3);
});

t.test('what has 8 bits stays as it is', async (t) => {
  const matrix = randomMatrix('q8_0', ROWS, COLUMNS, 5);
  t.equal(toEightBits(matrix), matrix);
});
