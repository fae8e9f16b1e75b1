import t, { type Test } from 'tap';
import { FileTerms } from '../../../../src/retrieval/lexical/file-terms.js';
import { unaudited } from '../../../../src/retrieval/stores/database.js';
import { createFileBatches } from '../../../../src/retrieval/stores/file-batches.js';
import { dataFolder } from '../../../fixtures/retrieval/retrieval.js';
import { openRows } from '../../../fixtures/retrieval/rows.js';

const OPTIONS = { limits: { files: 8, bytes: 1e9 }, nowS: 7 };
const PAGE = { limit: 10, after: null, order: 'asc' } as const;

async function setUp(t: Test) {
  const rows = await openRows(dataFolder(t));
  t.teardown(() => rows.db.destroy());
  const { id: storeId } = await rows.stores.create('bank', { name: 's', metadata: {} });
  const upload = async (count: number) => {
    const file = { filename: 'a.md', purpose: 'assistants', content: Buffer.from('a') };
    const all = Array.from({ length: count }, () => rows.files.create('bank', file, 1));
    return (await Promise.all(all)).map(({ id: fileId }) => ({ fileId, attributes: {} }));
  };
  return { rows, storeId, upload, batches: createFileBatches(rows.db, unaudited) };
}

t.test('a batch counts its own files, whatever else is in the store, and follows them', async (t) => {
  const { rows, storeId, upload, batches } = await setUp(t);
  await rows.addFile('bank', storeId, []);
  const files = await upload(3);
  const batch = await batches.create('bank', storeId, files, OPTIONS);
  t.match(batch, { storeId, createdAt: 7, status: 'in_progress', fileCounts: { inProgress: 3, total: 3 } });
  for (const _ of files.slice(1)) await rows.complete((await rows.next())!, [], new FileTerms());
  await rows.jobs.fail((await rows.next())!.lease, { code: 'x', message: 'y' }, 1000);
  t.match(await batches.get('bank', storeId, batch.id), {
    status: 'completed',
    fileCounts: { inProgress: 0, completed: 2, failed: 1, cancelled: 0, total: 3 },
  });
  const { items } = await rows.storeFiles.list('bank', storeId, PAGE, { batchId: batch.id, status: 'failed' });
  t.match(items, [{ fileId: files[2]!.fileId, error: { code: 'x' } }]);
  t.equal((await rows.storeFiles.list('bank', storeId, PAGE, {})).items.length, 4);
});

t.test(
  'what was read stays when a batch is cancelled, what is being read leaves nothing, and all can be attached anew',
  async (t) => {
    const { rows, storeId, upload, batches } = await setUp(t);
    const files = await upload(3);
    const batch = await batches.create('bank', storeId, files, OPTIONS);
    await rows.complete((await rows.next())!, [], new FileTerms());
    const reading = (await rows.next())!;
    t.match(await batches.cancel('bank', storeId, batch.id, 1000), {
      status: 'cancelled',
      fileCounts: { inProgress: 0, completed: 1, failed: 0, cancelled: 2, total: 3 },
    });
    t.equal(await rows.complete(reading, [], new FileTerms()), null);
    t.equal(await rows.next(), null);
    t.match((await rows.stores.get('bank', storeId)).fileCounts, { completed: 1, cancelled: 2, failed: 0, total: 3 });
    const again = await rows.storeFiles.attach('bank', storeId, files[1]!, OPTIONS);
    t.match(again, { status: 'in_progress', error: null });
    t.equal((await rows.next())!.fileId, files[1]!.fileId);
  },
);

t.test('a cancel that comes too late changes nothing', async (t) => {
  const { rows, storeId, upload, batches } = await setUp(t);
  const batch = await batches.create('bank', storeId, await upload(1), OPTIONS);
  await rows.complete((await rows.next())!, [], new FileTerms());
  t.match(await batches.cancel('bank', storeId, batch.id, 1000), { status: 'completed' });
});

t.test('of a batch for which the queue has no room nothing is attached', async (t) => {
  const { rows, storeId, upload, batches } = await setUp(t);
  await t.rejects(batches.create('bank', storeId, await upload(5), OPTIONS), { code: 'ingest_queue_full' });
  t.equal(await rows.waiting(), 0);
  t.equal((await rows.stores.get('bank', storeId)).fileCounts.total, 0);
});

t.test('a batch whose files all failed has failed, and one of another tenant or store is not found', async (t) => {
  const { rows, storeId, upload, batches } = await setUp(t);
  const [file] = await upload(1);
  // Twice in one batch is once in the store.
  const batch = await batches.create('bank', storeId, [file!, file!], OPTIONS);
  await rows.jobs.fail((await rows.next())!.lease, { code: 'x', message: 'y' }, 1000);
  t.match(await batches.get('bank', storeId, batch.id), { status: 'failed', fileCounts: { failed: 1, total: 1 } });
  const other = await rows.stores.create('bank', { name: 'other', metadata: {} });
  for (const [tenant, store] of [
    ['shop', storeId],
    ['bank', other.id],
  ] as const) {
    await t.rejects(batches.get(tenant, store, batch.id), { code: 'not_found' });
    await t.rejects(batches.cancel(tenant, store, batch.id, 1000), { code: 'not_found' });
  }
});
