import t from 'tap';
import { FileTerms } from '../../../../src/retrieval/lexical/file-terms.js';
import { adoptEmbedder } from '../../../../src/retrieval/stores/adopt-embedder.js';
import { databaseId } from '../../../../src/retrieval/stores/database.js';
import { dataFolder } from '../../../fixtures/retrieval/retrieval.js';
import { clusteredVectors, openRows } from '../../../fixtures/retrieval/rows.js';

t.test('vectors of another embedding model are never searched: their files are read again', async (t) => {
  const rows = await openRows(dataFolder(t));
  t.teardown(() => rows.db.destroy());
  const { db, stores, storeFiles, passages } = rows;
  const revision = async (storeId: string) => (await rows.shelves.visible([storeId], []))[0]!.revision;
  t.equal(await adoptEmbedder(db, 'first', 1000), 0, 'nothing is there yet');
  const { id: storeId } = await stores.create('bank', { name: 's', metadata: {} });
  const fileId = await rows.addFile('bank', storeId, clusteredVectors(5));
  const before = { id: await databaseId(db), revision: await revision(storeId) };

  t.equal(await adoptEmbedder(db, 'first', 1000), 0, 'the same model');
  t.equal(await passages.count(), 5);
  t.equal(await databaseId(db), before.id);

  t.equal(await adoptEmbedder(db, 'second', 1000), 1);
  t.match(await storeFiles.get('bank', storeId, fileId), { status: 'in_progress', passages: 0, usageBytes: 0 });
  t.same(await rows.vectors.labelsUpTo('bank', 1e9), []);
  t.same(await db.selectFrom('postings').selectAll().execute(), [], 'nor do words find them');
  const job = (await rows.next())!;
  t.equal(job.fileId, fileId, 'it waits to be read');
  t.same(await rows.complete(job, [], new FileTerms()), [], 'and can be');
  t.not(await databaseId(db), before.id, 'an index of the old vectors is none of this database');
  t.ok((await revision(storeId)) > before.revision, 'the snapshot is another one');
  t.equal(await adoptEmbedder(db, 'second', 1000), 0);
});

t.test('vectors that nobody knows the model of are made again', async (t) => {
  const rows = await openRows(dataFolder(t));
  t.teardown(() => rows.db.destroy());
  const { id: storeId } = await rows.stores.create('bank', { name: 's', metadata: {} });
  await rows.addFile('bank', storeId, clusteredVectors(2));
  t.equal(await adoptEmbedder(rows.db, 'first', 1000), 1);
});
