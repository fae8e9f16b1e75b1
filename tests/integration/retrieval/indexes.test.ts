import { copyFileSync, existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import type { TenantIndexes } from '../../../src/retrieval/hnsw/tenant-indexes.js';
import { findNearest } from '../../../src/retrieval/search/find-nearest.js';
import { dataFolder } from '../../fixtures/retrieval/retrieval.js';
import { clusteredVectors, openIndexes, openRows, type Rows } from '../../fixtures/retrieval/rows.js';

const EXACT_LIMIT = 100;

async function caughtUp(indexes: TenantIndexes, rows: Rows, tenant: string): Promise<void> {
  const last = (await rows.vectors.keysUpTo(tenant, 1, 2 ** 31)).at(-1) ?? 0;
  while ((await indexes.nominate(tenant, 1, clusteredVectors(1)[0]!, 1)).lastKey < last) await sleep(5);
}

/** The share of the true nearest ten that a search through the index finds, over 20 queries. */
async function recall(indexes: TenantIndexes, rows: Rows, tenant: string, storeId: string): Promise<number> {
  const scope = await rows.scope(tenant, [storeId]);
  let hits = 0;
  for (const vector of clusteredVectors(20, 7)) {
    const request = { scope, vector, topK: 10 };
    const exact = await findNearest(request, { ...rows, indexes, exactLimit: 1e9 });
    const found = await findNearest(request, { ...rows, indexes, exactLimit: EXACT_LIMIT });
    hits += found.filter(({ label }) => exact.some((one) => one.label === label)).length;
  }
  return hits / 200;
}

async function largeStore(t: Test) {
  const folder = dataFolder(t);
  const rows = await openRows(folder);
  t.teardown(() => rows.db.destroy());
  const store = await rows.stores.create('bank', { name: 's', metadata: {} });
  const fileId = await rows.addFile('bank', store.id, clusteredVectors(1500));
  const file = path.join(folder, 'indexes', 'bank.hnsw');
  return { folder, rows, storeId: store.id, fileId, file };
}

t.test('indexes that are being built when they are closed say nothing of a database that is closed too', async (t) => {
  for (const turns of Array.from({ length: 12 }).keys()) {
    const folder = dataFolder(t);
    const rows = await openRows(folder);
    const store = await rows.stores.create('bank', { name: 's', metadata: {} });
    await rows.addFile('bank', store.id, clusteredVectors(20));
    const { indexes, errors } = await openIndexes(folder, rows, { exactSearchLimit: 0 });
    indexes.grown('bank');
    for (let turn = 0; turn < turns * 4; turn++) await Promise.resolve();
    indexes.close();
    await rows.db.destroy();
    await sleep(5);
    t.same(errors, [], `after ${turns * 4} turns`);
  }
});

t.test('an index', async (t) => {
  const { folder, rows, storeId, file } = await largeStore(t);
  const first = await openIndexes(folder, rows);
  await caughtUp(first.indexes, rows, 'bank');

  await t.test('finds what an exact search finds', async (t) => {
    t.ok((await recall(first.indexes, rows, 'bank', storeId)) >= 0.98);
    t.equal(first.rebuilds.length, 1);
    first.indexes.close();
    t.ok(existsSync(file) && existsSync(`${file}.json`));
    t.same(first.errors, []);
  });

  await t.test('is loaded at the next start instead of built', async (t) => {
    const { indexes, rebuilds } = await openIndexes(folder, rows);
    t.ok((await recall(indexes, rows, 'bank', storeId)) >= 0.98);
    t.same(rebuilds, []);
    indexes.close();
  });

  const damage: Record<string, () => void> = {
    'is missing': () => rmSync(file),
    'has no sidecar': () => rmSync(`${file}.json`),
    'has a flipped byte': () => {
      const bytes = readFileSync(file);
      bytes[bytes.length >> 1]! ^= 0x40;
      writeFileSync(file, bytes);
    },
    'was cut short': () => truncateSync(file, 50_000),
    'has a sidecar that is no JSON': () => writeFileSync(`${file}.json`, '{'),
    'was built with other links': () => {
      const sidecar = JSON.parse(readFileSync(`${file}.json`, 'utf8'));
      writeFileSync(`${file}.json`, JSON.stringify({ ...sidecar, links: 8 }));
    },
    'belongs to another database': () => {
      const sidecar = JSON.parse(readFileSync(`${file}.json`, 'utf8'));
      writeFileSync(`${file}.json`, JSON.stringify({ ...sidecar, databaseId: 'another' }));
    },
    'is newer than the database': () => {
      const sidecar = JSON.parse(readFileSync(`${file}.json`, 'utf8'));
      writeFileSync(`${file}.json`, JSON.stringify({ ...sidecar, lastLabel: 99_999 }));
    },
  };
  for (const [what, spoil] of Object.entries(damage)) {
    await t.test(`that ${what} is built anew from the rows`, async (t) => {
      spoil();
      const { indexes, rebuilds, errors } = await openIndexes(folder, rows);
      await caughtUp(indexes, rows, 'bank');
      t.equal(rebuilds.length, 1);
      t.ok((await recall(indexes, rows, 'bank', storeId)) >= 0.98);
      indexes.close();
      t.same(errors, []);
    });
  }
});

t.test('rows that an index has not got yet are found all the same', async (t) => {
  const { folder, rows, storeId } = await largeStore(t);
  // Nothing is ever added: the index stays empty.
  const { indexes } = await openIndexes(folder, rows, { inBackground: () => new Promise(() => {}) });
  t.equal(await recall(indexes, rows, 'bank', storeId), 1);
});

t.test('passages that are deleted never come back', async (t) => {
  const { folder, rows, storeId, fileId, file } = await largeStore(t);
  const kept = await rows.addFile('bank', storeId, clusteredVectors(500, 3));
  const { indexes } = await openIndexes(folder, rows);
  await caughtUp(indexes, rows, 'bank');
  while (!existsSync(`${file}.json`)) await sleep(5);
  const found = async (from: TenantIndexes) => {
    const request = { scope: await rows.scope('bank', [storeId]), vector: clusteredVectors(1)[0]!, topK: 5 };
    const nearest = await findNearest(request, { ...rows, indexes: from, exactLimit: EXACT_LIMIT });
    const loaded = await rows.passages.load(
      request.scope,
      nearest.map(({ label }) => label),
    );
    return [...loaded.values()].map((passage) => passage.fileId);
  };
  t.ok((await found(indexes)).includes(fileId));

  const labels = await rows.files.delete('bank', fileId, 1);
  t.equal(labels.length, 1500);
  t.same(new Set(await found(indexes)), new Set([kept]), 'although the index was not told');
  indexes.removed('bank', labels);
  t.same(new Set(await found(indexes)), new Set([kept]));

  const stale = await openIndexes(folder, rows);
  t.same(new Set(await found(stale.indexes)), new Set([kept]), 'although the file on the disk still has them');
  t.same(stale.errors, []);
  stale.indexes.close();
});

t.test("an index file of another tenant's gives no passage of that tenant's", async (t) => {
  const { folder, rows, file } = await largeStore(t);
  const own = await rows.stores.create('copilot', { name: 's', metadata: {} });
  await rows.addFile('copilot', own.id, clusteredVectors(400, 5));
  const first = await openIndexes(folder, rows);
  await caughtUp(first.indexes, rows, 'bank');
  first.indexes.close();
  for (const end of ['', '.json']) copyFileSync(file + end, path.join(folder, 'indexes', `copilot.hnsw${end}`));

  const { indexes } = await openIndexes(folder, rows);
  for (const vector of clusteredVectors(20)) {
    const request = { scope: await rows.scope('copilot', [own.id]), vector, topK: 5 };
    const nearest = await findNearest(request, { ...rows, indexes, exactLimit: EXACT_LIMIT });
    const loaded = await rows.passages.load(
      request.scope,
      nearest.map(({ label }) => label),
    );
    t.equal(loaded.size, 5);
    t.ok([...loaded.values()].every(({ text }) => text.startsWith('copilot')));
  }
  indexes.close();
});

t.test('beyond its memory the least recently used index is written and closed, and opened again', async (t) => {
  const { folder, rows, storeId, file } = await largeStore(t);
  const other = await rows.stores.create('copilot', { name: 's', metadata: {} });
  await rows.addFile('copilot', other.id, clusteredVectors(400, 5));
  const { indexes, rebuilds } = await openIndexes(folder, rows, { memoryBytes: 1 });
  await caughtUp(indexes, rows, 'bank');
  await caughtUp(indexes, rows, 'copilot');
  t.ok(existsSync(file), 'the first was written when the second was opened');
  t.ok((await recall(indexes, rows, 'bank', storeId)) >= 0.98);
  t.equal(rebuilds.length, 2, 'each was built once');
  indexes.close();
});
