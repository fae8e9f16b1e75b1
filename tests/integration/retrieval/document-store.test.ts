import t from 'tap';
import { openSqliteDocuments } from '../../../src/retrieval/documents/sqlite.js';
import { documentStoreSuite } from '../../fixtures/retrieval/document-store-suite.js';
import { dataFolder } from '../../fixtures/retrieval/retrieval.js';

t.test('documents in SQLite with HNSW indexes', async (t) => {
  documentStoreSuite(t, (t) => {
    const folder = dataFolder(t);
    return (options) => openSqliteDocuments(folder, options);
  });
});
