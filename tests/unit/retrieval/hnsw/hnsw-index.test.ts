import { rmSync, truncateSync } from 'node:fs';
import path from 'node:path';
import t from 'tap';
import { HnswIndex } from '../../../../src/retrieval/hnsw/hnsw-index.js';
import { checkStructure } from '../../../../src/retrieval/hnsw/index-format.js';
import { tenantFileName } from '../../../../src/retrieval/hnsw/tenant-file-name.js';

const PARAMS = { dimensions: 3, links: 8, efConstruction: 50, efSearch: 20 };
const vector = (...values: number[]) => Float32Array.from(values);

t.test('what would end the process or spoil the index is refused', async (t) => {
  const index = HnswIndex.create(PARAMS, 4);
  index.add(7, vector(1, 0, 0));
  for (const label of [7, 6, -1, 1.5, Number.NaN, 2 ** 32, '8' as unknown as number]) {
    t.throws(() => index.add(label, vector(0, 1, 0)), RangeError, `label ${label}`);
  }
  t.throws(() => index.add(8, vector(1, 0)), /2 dimensions, expected 3/);
  t.throws(() => index.add(8, vector(Number.NaN, 0, 0)), /not finite/);
  t.throws(() => index.search(vector(Number.POSITIVE_INFINITY, 0, 0), 1), /not finite/);
  t.equal(index.liveCount, 1);
});

t.test('it grows, forgets what is deleted, and never asks for more than it has', async (t) => {
  const index = HnswIndex.create(PARAMS, 0);
  t.same(index.search(vector(1, 0, 0), 5), []);
  for (let label = 1; label <= 100; label++) index.add(label, vector(Math.cos(label / 50), Math.sin(label / 50), 0));
  t.same(index.search(vector(1, 0, 0), 2), [1, 2]);
  index.remove([1, 2, 2, 500]);
  t.same(index.search(vector(1, 0, 0), 2), [3, 4]);
  t.equal(index.search(vector(1, 0, 0), 1000).length, 98);
  t.match(index, { liveCount: 98, deletedCount: 2, lastLabel: 100 });
});

t.test('what was deleted stays so after a load, also what went while the file lay there', async (t) => {
  const folder = t.testdir();
  const file = path.join(folder, 'a.hnsw');
  const index = HnswIndex.create(PARAMS, 4);
  for (let label = 1; label <= 10; label++) index.add(label, vector(Math.cos(label / 5), Math.sin(label / 5), 0));
  index.remove([1]);
  index.write(file);
  const loaded = HnswIndex.load(PARAMS, file, 10);
  loaded.retain([3, 4, 5, 6, 7, 8, 9, 10]);
  t.same(loaded.search(vector(1, 0, 0), 2), [3, 4]);
  t.match(loaded, { liveCount: 8, deletedCount: 2, lastLabel: 10 });
  loaded.add(11, vector(1, 0, 0));
  t.same(loaded.search(vector(1, 0, 0), 1), [11]);
});

t.test('a file that was not written whole is noticed wherever it ends', async (t) => {
  const file = path.join(t.testdir(), 'a.hnsw');
  const index = HnswIndex.create(PARAMS, 400);
  for (let label = 1; label <= 400; label++) index.add(label, vector(Math.cos(label), Math.sin(label), 0));
  index.write(file);
  t.doesNotThrow(() => checkStructure(file, 3));
  t.throws(() => checkStructure(file, 4), /other dimensions/);
  const { size } = await import('node:fs').then((fs) => fs.statSync(file));
  for (const bytes of [size - 1, size - 4, size >> 1, 97, 96, 50, 0]) {
    truncateSync(file, bytes);
    t.throws(() => checkStructure(file, 3), /not written whole/, `${bytes} of ${size} bytes`);
  }
  rmSync(file);
});

t.test('a tenant names its file where that is safe, and its hash does elsewhere', async (t) => {
  t.equal(tenantFileName('northwind-bank', 1), 'northwind-bank.hnsw');
  t.equal(tenantFileName('northwind-bank', 2), 'northwind-bank.2.hnsw');
  for (const tenant of ['../bank', 'Bank', 'a/b', '', '.', 'x'.repeat(64), 'ümlaut']) {
    t.match(tenantFileName(tenant, 1), /^\.[0-9a-f]{64}\.hnsw$/, tenant);
  }
  t.not(tenantFileName('Bank', 1), tenantFileName('bAnk', 1));
});
