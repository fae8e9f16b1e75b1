import { writeFileSync } from 'node:fs';
import path from 'node:path';
import t from 'tap';
import { openShippedVectors, packShippedVectors } from '../../../../src/retrieval/process/shipped-vectors.js';
import { dataFolder } from '../../../fixtures/retrieval/retrieval.js';

const MADE = { digest: 'a', dimensions: 3 };
const VECTORS = new Map([
  ['Fees\nNone.', Float32Array.of(0.5, -0.25, 0.75)],
  ['Hours\nAt nine.', Float32Array.of(0, 1, 0)],
]);

t.test('a text that is shipped has its vector, and another one none', async (t) => {
  const file = path.join(dataFolder(t), 'a.vectors');
  writeFileSync(file, packShippedVectors(MADE, VECTORS));
  const shipped = openShippedVectors(file);
  for (const [text, vector] of VECTORS) t.same(shipped('a', text), vector);
  t.equal(shipped('a', 'Fees\nNone'), null);
});

t.test('vectors of another model are none, and a damaged file is not used', async (t) => {
  const file = path.join(dataFolder(t), 'a.vectors');
  const packed = packShippedVectors(MADE, VECTORS);
  writeFileSync(file, packed);
  t.equal(openShippedVectors(file)('b', 'Fees\nNone.'), null);
  t.equal(openShippedVectors(path.join(path.dirname(file), 'none'))('a', 'Fees\nNone.'), null);
  writeFileSync(file, packed.subarray(0, -1));
  t.throws(() => openShippedVectors(file), /damaged/);
});
