import pg from 'pg';
import t from 'tap';
import { openPostgresDocuments } from '../../../src/retrieval/documents/postgres.js';
import { migratePostgres } from '../../../src/retrieval/stores/postgres/migrate.js';
import { startPostgres } from '../../fixtures/postgres/server.js';
import { documentStoreSuite } from '../../fixtures/retrieval/document-store-suite.js';
import { asking, claimReembed, documentsOptions, embedNext, vectorBy } from '../../fixtures/retrieval/documents.js';
import { DEFAULTS, dataFolder, NEVER } from '../../fixtures/retrieval/retrieval.js';

t.test('documents in PostgreSQL with pgvector', async (t) => {
  const server = await startPostgres();
  t.teardown(() => server.close());
  documentStoreSuite(t, async () => {
    const { url } = await server.createDatabase();
    const folder = dataFolder(t);
    return (options) => openPostgresDocuments(folder, { ...DEFAULTS.database, url }, options);
  });

  t.test(
    'vectors that an older version kept with their passages answer as before, and may become others',
    async (t) => {
      const ownerUrl = await server.createEmptyDatabase();
      const url = ownerUrl.replace('//owner', '//gateway');
      t.equal(await migratePostgres(ownerUrl, url, 4), 4);
      const texts = ['the fee is five euros', 'we open at nine'];
      const owner = new pg.Client({ connectionString: ownerUrl });
      await owner.connect();
      await owner.query(`
      set search_path = switchyard, public;
      select index_vectors(${vectorBy('words', '').length}, 16, 128);
      insert into meta (key, value) values ('embedder', 'words');
      insert into files (id, tenant, filename, purpose, bytes, content, created_at) values ('file-1', 'bank', 'a.md', 'assistants', 1, 'x', 5);
      insert into stores (id, tenant, name, metadata, created_at, last_active_at) values ('vs_1', 'bank', 's', '{}', 5, 5);
      insert into shelves (tenant, store_id, groups) values ('bank', 'vs_1', '[]');
      insert into shelf_groups (tenant, store_id, name, shelf) values ('bank', 'vs_1', '', 1);
      insert into store_files (tenant, store_id, file_id, shelf, status, attributes, passages, created_at)
        values ('bank', 'vs_1', 'file-1', 1, 'completed', '{}', ${texts.length}, 5)`);
      for (const [n, text] of texts.entries()) {
        await owner.query(
          `insert into passages (id, tenant, store_id, file_id, ordinal, heading_path, text, byte_start, byte_end, tokens, embedding)
          values ($1, 'bank', 'vs_1', 'file-1', $2, '[]', $3, 0, 9, 3, $4)`,
          [`p${n}`, n, text, JSON.stringify([...vectorBy('words', text)])],
        );
      }
      t.ok((await migratePostgres(ownerUrl, url)) > 0);
      await owner.query('set search_path = switchyard, public');
      const { rows } = await owner.query(`select indexdef from pg_indexes where indexname = 'vectors_of_1'`);
      t.match(rows, [{ indexdef: /hnsw.*halfvec\(32\).*m='16'.*WHERE \(embedder = 1\)/ }], 'its index is there');
      await owner.end();

      const { options, clock, adopted } = documentsOptions();
      const documents = await openPostgresDocuments(dataFolder(t), { ...DEFAULTS.database, url }, options);
      t.teardown(() => documents.close());
      t.same(adopted, [{ changed: 0, lost: 0 }]);
      t.match(await documents.getStore('bank', 'vs_1'), { embedder: 'words', reembedding: null });
      const best = async (embedder: string) => {
        const search = asking('bank', ['vs_1'], 'fee in euros', { mode: 'vector' }, embedder);
        return (await documents.find(search, NEVER))?.passages.map(({ text }) => text);
      };
      t.same(await best('words'), texts);
      await documents.updateStore('bank', 'vs_1', { embedder: 'short' });
      const lease = (await claimReembed(documents, clock.nowMs))!;
      t.equal(await embedNext(documents, lease), true);
      t.equal(await documents.settle(lease), true);
      t.same(await best('short'), texts);
    },
  );
});
