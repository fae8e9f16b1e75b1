import t from 'tap';
import { openPostgresDocuments } from '../../../src/retrieval/documents/postgres.js';
import { startPostgres } from '../../fixtures/postgres/server.js';
import { documentStoreSuite } from '../../fixtures/retrieval/document-store-suite.js';
import { DEFAULTS, dataFolder } from '../../fixtures/retrieval/retrieval.js';

t.test('documents in PostgreSQL with pgvector', async (t) => {
  const server = await startPostgres();
  t.teardown(() => server.close());
  documentStoreSuite(t, async () => {
    const { url } = await server.createDatabase();
    const folder = dataFolder(t);
    return (options) => openPostgresDocuments(folder, { ...DEFAULTS.database, url }, options);
  });
});
