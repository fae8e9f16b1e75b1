import t from 'tap';
import { openPostgresDocuments } from '../../../src/retrieval/documents/postgres.js';
import { startPostgres } from '../../fixtures/postgres/server.js';
import { documentStoreSuite } from '../../fixtures/retrieval/document-store-suite.js';
import { DEFAULTS } from '../../fixtures/retrieval/retrieval.js';

t.test('documents in PostgreSQL with pgvector', async (t) => {
  const server = await startPostgres();
  t.teardown(() => server.close());
  documentStoreSuite(t, async () => {
    const { url } = await server.createDatabase();
    return (options) => openPostgresDocuments({ ...DEFAULTS.database, url }, options);
  });
});
