import t, { type Test } from 'tap';
import type { NewStoreFile } from '../../../../src/contracts/retrieval.js';
import { FileTerms } from '../../../../src/retrieval/lexical/file-terms.js';
import { dataFolder } from '../../../fixtures/retrieval/retrieval.js';
import { clusteredVectors, openRows } from '../../../fixtures/retrieval/rows.js';

const OPTIONS = { limits: { files: 100, bytes: 1e9 }, nowS: 1 };
const PAGE = { limit: 10, after: null, order: 'asc' } as const;

async function setUp(t: Test) {
  const rows = await openRows(dataFolder(t));
  t.teardown(() => rows.db.destroy());
  const { id: storeId } = await rows.stores.create('bank', { name: 's', metadata: {} });
  const upload = async () => {
    const file = { filename: 'a.md', purpose: 'assistants', content: Buffer.from('a') };
    return (await rows.files.create('bank', file, 1)).id;
  };
  const attach = async (given: Partial<NewStoreFile> = {}, store = storeId) => {
    const file = { fileId: await upload(), attributes: {}, path: 'a.md', ...given };
    await rows.storeFiles.attach('bank', store, file, OPTIONS);
    return file.fileId;
  };
  /** Reads the next file as `count` passages. */
  const read = async (count: number) => {
    const passages = clusteredVectors(count).map((embedding, n) => {
      return { headingPath: [], text: `word ${n}`, byteStart: 0, byteEnd: 1, tokens: 1, location: null, embedding };
    });
    const terms = new FileTerms();
    for (const passage of passages) terms.add('a.md', passage);
    return rows.complete((await rows.next())!, passages, terms);
  };
  const held = async () =>
    (await rows.storeFiles.list('bank', storeId, PAGE)).items.map(({ fileId, status }) => `${fileId} ${status}`);
  const labels = () => rows.vectors.keysUpTo('bank', 1, 1e9);
  return { rows, storeId, attach, read, held, labels };
}

t.test('a file takes the place of the one of its path when it is read, and not before', async (t) => {
  const { rows, storeId, attach, read, held, labels } = await setUp(t);
  const first = await attach();
  await read(2);
  const old = await labels();
  const second = await attach();
  const unrelated = await attach({ path: 'b.md' });
  t.same(await labels(), old, 'the old one is found while the new one waits');
  t.same(await read(3), old, 'whose passages are gone is told');
  t.same(await held(), [`${second} completed`, `${unrelated} in_progress`]);
  t.equal((await labels()).length, 3);
  await t.rejects(rows.files.get('bank', first), { code: 'not_found' });
  t.equal((await rows.stores.get('bank', storeId)).fileCounts.total, 2);
  const { postings } = await rows.db
    .selectFrom('postings')
    .select((eb) => eb.fn.count<number>('store_file').distinct().as('postings'))
    .executeTakeFirstOrThrow();
  t.equal(postings, 1, 'its terms too');
});

t.test('what failed leaves the old one in place, and a later one takes the place of both', async (t) => {
  const { rows, attach, read, held, labels } = await setUp(t);
  const first = await attach();
  await read(2);
  const second = await attach();
  await rows.jobs.fail((await rows.next())!.lease, { code: 'x', message: 'y' }, 1000);
  t.same(await held(), [`${first} completed`, `${second} failed`]);
  t.equal((await labels()).length, 2);
  const third = await attach();
  await read(1);
  t.same(await held(), [`${third} completed`]);
});

t.test('of two that wait the newer one wins, in whatever order they are read', async (t) => {
  const { rows, attach, read, held } = await setUp(t);
  await attach();
  const older = (await rows.next())!;
  const newer = await attach();
  // As after a failure of the older one, which waits for its next attempt.
  await rows.jobs.retry(older.lease, { code: 'x', message: 'y' }, 1000);
  await read(1);
  t.same(await held(), [`${newer} completed`]);
  t.equal(await rows.next(), null, 'the older one is not read any more');
  t.equal(await rows.complete(older, [], new FileTerms()), null);
});

t.test('a file that another store holds stays there', async (t) => {
  const { rows, attach, read, labels } = await setUp(t);
  const other = await rows.stores.create('bank', { name: 'other', metadata: {} });
  const fileId = await attach();
  await attach({ fileId }, other.id);
  for (const _ of [1, 2]) await read(1);
  await attach();
  await read(1);
  t.match(await rows.files.get('bank', fileId), { id: fileId });
  t.match(await rows.storeFiles.get('bank', other.id, fileId), { status: 'completed' });
  t.equal((await labels()).length, 2);
});

t.test(
  'other chunk sizes have a file read again; until then, and where that fails, its passages are as they were',
  async (t) => {
    const { rows, storeId, attach, read, labels } = await setUp(t);
    const fileId = await attach();
    await read(4);
    const old = await labels();
    await attach({ fileId });
    t.equal(await rows.waiting(), 0, 'the same sizes change nothing');
    await attach({ fileId, chunking: { maxTokens: 200, overlapTokens: 50 } });
    t.match(await rows.storeFiles.get('bank', storeId, fileId), {
      status: 'in_progress',
      passages: 4,
      chunking: { maxTokens: 200, overlapTokens: 50 },
    });
    const filter = { type: 'ne', key: 'x', value: 'y' } as const;
    const { shelves } = await rows.scope('bank', [storeId]);
    t.match(await rows.storeFiles.passing(shelves, filter), [{ passages: 4 }], 'a filter finds them too');
    t.match((await rows.next())!.chunking, { maxTokens: 200, overlapTokens: 50 });
    await rows.db.updateTable('jobs').set({ lease_until: 0 }).execute();
    t.same(await read(2), old);
    t.equal((await labels()).length, 2);
  },
);

t.test('however a file goes, so does its job, and however a job ends, its file knows', async (t) => {
  const { rows, storeId, attach } = await setUp(t);
  const jobs = async () => (await rows.jobs.list('bank', PAGE, {}, 4)).items;
  const first = await attach();
  await rows.files.delete('bank', first, 1);
  t.same(await jobs(), []);
  const second = await attach();
  const [job] = await jobs();
  t.equal(job!.subject, `${storeId}/${second}`);
  await rows.jobs.cancel('bank', job!.id, 1000);
  t.match(await rows.storeFiles.get('bank', storeId, second), { status: 'cancelled' });
  await attach({ fileId: second });
  t.match(await rows.storeFiles.get('bank', storeId, second), { status: 'in_progress' });
  await rows.stores.delete('bank', storeId);
  t.same(await jobs(), []);
});

t.test('who may see a document, may see what takes its place, and nobody else', async (t) => {
  const { rows, storeId, attach, read } = await setUp(t);
  const seen = async (...groups: string[]) => {
    const { shelves } = await rows.scope('bank', [storeId], groups);
    return rows.passages.count({ shelves });
  };
  const first = await attach({ allowedGroups: ['hr'] });
  await read(1);
  await attach();
  await read(2);
  t.same([await seen(), await seen('hr')], [0, 2], 'what is not said is as it was');

  const third = await attach();
  t.match(await rows.storeFiles.get('bank', storeId, third), { allowedGroups: ['hr'] });
  const [second] = (await rows.storeFiles.list('bank', storeId, PAGE)).items;
  await rows.storeFiles.update('bank', storeId, second!.fileId, { allowedGroups: ['board'] }, 1);
  t.same([await seen('hr'), await seen('board')], [0, 2]);
  await read(3);
  t.same(
    [await seen(), await seen('hr'), await seen('board')],
    [0, 0, 3],
    'nor is a move undone by a reading under way',
  );

  await attach({ allowedGroups: ['audit'] });
  t.same(
    [await seen('board'), await seen('audit')],
    [0, 3],
    'who may see the new one is said for the old one too, at once',
  );
  await read(1);
  t.same([await seen('board'), await seen('audit')], [0, 1]);
  t.not(first, second);
});

t.test(
  'a file that is there already takes the place of another once it is read again, and the index hears of both',
  async (t) => {
    const { rows, attach, read, held, labels } = await setUp(t);
    await attach();
    await read(2);
    const other = await attach({ path: 'b.md' });
    await read(3);
    const before = await labels();
    await attach({ fileId: other, path: 'a.md' });
    t.equal(await rows.waiting(), 1);
    t.same(await labels(), before, 'until then all is as it was');
    t.same((await read(4))!.sort(), before);
    t.same(await held(), [`${other} completed`]);
    t.equal((await labels()).length, 4);
  },
);
