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
const FOLDED: ReadonlySet<string> = new Set(['Q3_K', 'Q4_K', 'Q5_K', 'Q6_K', 'IQ4_XS']);

for (const [name, { type, bytes, values }] of Object.entries(golden)) {
  t.test(`${name} holds the weights that llama.cpp reads from the same bytes`, async (t) => {
    const expected = new Float32Array(new Uint8Array(Buffer.from(values, 'base64')).buffer);
    const rows = expected.length / COLUMNS;
    const file = path.join(t.testdir(), 'w.gguf');
    writeGguf(file, {}, [{ name: 'w', type, shape: [rows, COLUMNS], bytes: Buffer.from(bytes, 'base64') }]);
    const gguf = readGguf(file);
    t.teardown(() => gguf.file.close());
    const matrix = readMatrix(gguf.tensors.get('w')!, rows, COLUMNS, 'q8');
    for (const form of [matrix, widened(matrix)]) {
      let worst = 0;
      expected.forEach((value, i) => {
        const row = Math.floor(i / COLUMNS);
        const column = i % COLUMNS;
        const block = Math.floor(i / form.scaleBlock);
        const minimum = Math.abs(form.minimums?.[block] ?? 0);
        // Beside a minimum, what is rounded is larger than what is left of it.
        const size = Math.abs(value) + 2 * minimum;
        const error = Math.abs(weightAt(form, row, column) - value);
        worst = Math.max(worst, error / (size || 1));
      });
      // The products themselves are float32 there, and doubles here.
      const allowed = (FOLDED.has(name) ? 2 ** -11 : 0) + 2 ** -22;
      t.ok(worst <= allowed, `${form.bits} bits: relative error ${worst} of ${allowed}`);
    }
  });
}
