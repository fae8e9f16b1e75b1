import { readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import t from 'tap';
import { readGguf } from '../../src/model-import/gguf/reader.js';
import { widened } from '../../src/model-import/tensors/eight-bits.js';
import { readMatrix } from '../../src/model-import/tensors/read-matrix.js';
import { weightAt } from '../fixtures/model-import/random-matrix.js';
import { writeGguf } from '../unit/model-import/write-gguf.js';

const golden = JSON.parse(gunzipSync(readFileSync(path.resolve('tests/parity/goldens/blocks.json.gz'))).toString()) as {
  [type: string]: { type: number; bytes: string; values: string };
};
const COLUMNS = 512;

/** A half has 11 bits: what folds two numbers into one is off by half a unit of the last at most. */
const FOLDED: Readonly<Record<string, number>> = { Q3_K: 2 ** -11, Q4_K: 2 ** -11, Q6_K: 2 ** -11, IQ4_XS: 2 ** -11 };
/** Types with no form here: rounded to the nearest of 255 levels, the largest of a block of 32 being the last. */
const ROUNDED: ReadonlySet<string> = new Set(['Q5_1', 'Q2_K', 'Q5_K']);

for (const [name, { type, bytes, values }] of Object.entries(golden)) {
  t.test(`${name} holds the weights that llama.cpp reads from the same bytes`, async (t) => {
    const expected = new Float32Array(new Uint8Array(Buffer.from(values, 'base64')).buffer);
    const rows = expected.length / COLUMNS;
    const file = path.join(t.testdir(), 'w.gguf');
    writeGguf(file, {}, [{ name: 'w', type, shape: [rows, COLUMNS], bytes: Buffer.from(bytes, 'base64') }]);
    const gguf = readGguf(file);
    t.teardown(() => gguf.file.close());
    const matrix = readMatrix(gguf.tensors.get('w')!, rows, COLUMNS, 'q8');
    const forms = matrix.minimums ? [matrix] : [matrix, widened(matrix)];
    for (const form of forms) {
      let worst = 0;
      expected.forEach((value, i) => {
        const row = Math.floor(i / COLUMNS);
        const column = i % COLUMNS;
        const block = Math.floor(i / form.scaleBlock);
        const minimum = Math.abs(form.minimums?.[block] ?? 0);
        // Beside a minimum, what is rounded is larger than what is left of it.
        const start = i - (i % 32);
        const size = ROUNDED.has(name)
          ? Math.max(...expected.subarray(start, start + 32).map(Math.abs))
          : Math.abs(value) + 2 * minimum;
        const error = Math.abs(weightAt(form, row, column) - value);
        worst = Math.max(worst, error / (size || 1));
      });
      // The products themselves are float32 there, and doubles here.
      const allowed = (ROUNDED.has(name) ? 0.5 / 127 + 2 ** -11 : (FOLDED[name] ?? 0)) + 2 ** -22;
      t.ok(worst <= allowed, `${form.bits} bits: relative error ${worst} of ${allowed}`);
    }
  });
}
