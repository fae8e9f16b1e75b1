import t, { type Test } from 'tap';
import { createWorkQueue } from '../../../../src/retrieval/process/queue.js';
import { backfillTerms } from '../../../../src/retrieval/process/term-backfill.js';
import { findTerms } from '../../../../src/retrieval/search/find-terms.js';
import { unhurried } from '../../../fixtures/retrieval/pace.js';
import { dataFolder } from '../../../fixtures/retrieval/retrieval.js';
import { clusteredVectors, openRows, type Rows } from '../../../fixtures/retrieval/rows.js';

const FILES = 3;
/** More than are read in one job. */
const PASSAGES = 40;

/** Rows as an earlier version left them. */
async function setUp(t: Test) {
  const rows = await openRows(dataFolder(t));
  t.teardown(() => rows.db.destroy());
  const { id } = await rows.stores.create('bank', { name: 's', metadata: {} });
  for (let file = 0; file < FILES; file++) {
    await rows.addFile('bank', id, clusteredVectors(PASSAGES), (n) => `passage ${n} of file ${file}`);
  }
  await rows.db.deleteFrom('postings').execute();
  await rows.db.updateTable('store_files').set({ terms: 0, terms_version: 0 }).execute();
  return { rows, storeId: id };
}

async function found(rows: Rows, storeId: string, query: string): Promise<number> {
  const { shelves } = await rows.scope('bank', [storeId]);
  return (await findTerms(shelves, query, null, rows.postings)).best(999).length;
}

function run({ postings, passages }: Rows, signal: AbortSignal, errors: unknown[] = []): Promise<void> {
  return backfillTerms({
    postings,
    passages,
    queue: createWorkQueue(...unhurried),
    signal,
    onError: (error) => errors.push(error),
  });
}

t.test('documents of an earlier version are found by their words after a while', async (t) => {
  const { rows, storeId } = await setUp(t);
  t.equal(await found(rows, storeId, 'passage'), 0);
  await run(rows, new AbortController().signal);
  t.equal(await found(rows, storeId, 'passage'), FILES * PASSAGES);
  t.equal(await found(rows, storeId, '39'), FILES);
  const { shelves } = await rows.scope('bank', [storeId]);
  const { terms } = await rows.postings.statistics(shelves);
  await run(rows, new AbortController().signal);
  t.equal((await rows.postings.statistics(shelves)).terms, terms, 'a second time changes nothing');
});

t.test('what was done before a stop stays, and the rest follows at the next start', async (t) => {
  const { rows, storeId } = await setUp(t);
  const stopping = new AbortController();
  const { replace } = rows.postings;
  const interrupted = {
    ...rows,
    postings: {
      ...rows.postings,
      replace: async (...args: Parameters<typeof replace>) => {
        await replace(...args);
        stopping.abort();
      },
    },
  };
  await run(interrupted, stopping.signal);
  t.equal(await found(rows, storeId, 'passage'), PASSAGES);
  await run(rows, new AbortController().signal);
  t.equal(await found(rows, storeId, 'passage'), FILES * PASSAGES);
});

t.test('a file that is removed meanwhile leaves nothing', async (t) => {
  const { rows, storeId } = await setUp(t);
  const { ofFile } = rows.passages;
  const removing = {
    ...rows,
    passages: {
      ...rows.passages,
      ofFile: async (...args: Parameters<typeof ofFile>) => {
        const some = await ofFile(...args);
        if (args[1] === 0) await rows.storeFiles.detach('bank', storeId, args[0].fileId, 1);
        return some;
      },
    },
  };
  const errors: unknown[] = [];
  await run(removing, new AbortController().signal, errors);
  t.same(errors, []);
  t.equal(await found(rows, storeId, 'passage'), 0);
  t.same(await rows.db.selectFrom('postings').selectAll().execute(), []);
});
