/** What a search asks SQLite for takes as long with a hundred thousand passages as with a hundred. */
import { join } from 'node:path';
import SQLite from 'better-sqlite3';
import type { CompiledQuery, KyselyPlugin } from 'kysely';
import t from 'tap';
import { bestPassages } from '../../../../src/retrieval/search/best-passages.js';
import { createVectorSearch } from '../../../../src/retrieval/search/find-nearest.js';
import type { Db } from '../../../../src/retrieval/stores/database.js';
import { createPassages } from '../../../../src/retrieval/stores/passages.js';
import { createPostings } from '../../../../src/retrieval/stores/postings.js';
import { createVectors } from '../../../../src/retrieval/stores/vectors.js';
import { clusteredVectors, openIndexes, openRows } from '../../../fixtures/retrieval/rows.js';

/** Rows that a statement goes through by their tenant, or all there are. */
const READS_ALL = /^SCAN (passages|vectors|store_files)\b|vectors_by_tenant \(tenant=\? AND embedder=\?\)/;

t.test('no statement of a search goes through all passages of a tenant', async (t) => {
  const folder = t.testdir();
  const rows = await openRows(folder);
  const { id: storeId } = await rows.stores.create('bank', { name: 'documents', metadata: {} });
  const known = clusteredVectors(200);
  for (let from = 0; from < 200; from += 50) await rows.addFile('bank', storeId, known.slice(from, from + 50));
  const { indexes } = await openIndexes(folder, rows);
  const { db, statements } = recorded(rows.db);
  const passages = createPassages(db);
  const vectors = createVectorSearch({ passages, vectors: createVectors(db), indexes, exactLimit: 1 });
  const scope = await rows.scope('bank', [storeId]);
  const request = { scope, mode: 'hybrid' as const, topK: 4, minScore: 0, diversity: 0.5 };
  const parts = [{ text: 'bank 7', vector: known[3]! }];
  const sources = { passages, postings: createPostings(db), vectors, relevance: relevanceByCosine };
  t.equal((await bestPassages({ ...request, parts }, sources)).length, 4);
  indexes.close();

  const database = new SQLite(join(folder, 'documents.db'), { readonly: true });
  t.ok(statements.length >= 8, `${statements.length} statements`);
  for (const { sql, parameters } of statements) {
    const plan = database.prepare(`explain query plan ${sql}`).all(parameters) as { detail: string }[];
    for (const { detail } of plan) if (READS_ALL.test(detail)) t.fail(`${detail}: ${sql}`);
  }
  database.close();
  await rows.db.destroy();
});

const relevanceByCosine = (_mode: string, candidates: readonly { readonly cosine: number | null }[]) =>
  candidates.map(({ cosine }) => Math.max(0, cosine ?? 0));

/** The same database, and what it is asked. */
function recorded(db: Db): { db: Db; statements: CompiledQuery[] } {
  const statements: CompiledQuery[] = [];
  const plugin: KyselyPlugin = {
    transformQuery({ node, queryId }) {
      statements.push(db.getExecutor().compileQuery(node, queryId));
      return node;
    },
    transformResult: async ({ result }) => result,
  };
  return { db: db.withPlugin(plugin), statements };
}
