/** PostgreSQL with pgvector beside SQLite with hnswlib: the sample documents in both, the same questions to both. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../../src/config/schema.js';
import type { ScoredPassage } from '../../src/contracts/retrieval.js';
import { openPostgres } from '../../src/postgres/open.js';
import type { DocumentStore } from '../../src/retrieval/documents/document-store.js';
import { openPostgresDocuments } from '../../src/retrieval/documents/postgres.js';
import { openSqliteDocuments } from '../../src/retrieval/documents/sqlite.js';
import { HnswIndex } from '../../src/retrieval/hnsw/hnsw-index.js';
import { Nearest } from '../../src/retrieval/search/nearest.js';
import { type Db, openDatabase, type Tables } from '../../src/retrieval/stores/database.js';
import { createPassages, type SearchScope } from '../../src/retrieval/stores/passages.js';
import { createPgvectorSearch } from '../../src/retrieval/stores/postgres/vectors.js';
import { createShelves } from '../../src/retrieval/stores/shelves.js';
import { createVectors } from '../../src/retrieval/stores/vectors.js';
import { startPostgres } from '../../tests/fixtures/postgres/server.js';
import { addFile, documentsOptions, openEmbedder } from './documents.js';
import { onlyModel } from './only-model.js';
import { quantile } from './quantile.js';
import { questionSetsFor, questionsOf, samplesFolder, TENANTS } from './samples.js';

const FIRST = 5;
const NEIGHBOURS = 10;
const NEVER = new AbortController().signal;

/** The sample documents must have been embedded. */
export async function comparePgvector(config: Config, quick: boolean): Promise<Record<string, number>> {
  const embedder = await openEmbedder(config);
  const options = documentsOptions(config, onlyModel(embedder));
  const folder = samplesFolder(config);
  const server = await startPostgres();
  try {
    const { url } = await server.createDatabase();
    const settings = { ...config.database, url };
    const [sqlite, postgres] = [
      await openSqliteDocuments(folder, options),
      await openPostgresDocuments(mkdtempSync(join(tmpdir(), 'switchyard-bench-')), settings, options),
    ];
    const rows = openDatabase(join(folder, 'documents.db'));
    for (const tenant of TENANTS) await copyDocuments(rows, postgres, tenant);
    const embed = async (text: string) => (await embedder.embed([embedder.tokenize(text, 'query')]))[0]!;
    const asked = TENANTS.flatMap((tenant) =>
      questionSetsFor(config.models.embedder).flatMap((set) =>
        questionsOf(tenant, set).map(({ question }) => ({ tenant, question })),
      ),
    ).filter((_, n) => !quick || n % 8 === 0);
    const questions = [];
    for (const one of asked) questions.push({ ...one, vector: await embed(one.question) });

    const found = { sqlite: await findAll(sqlite, questions), postgres: await findAll(postgres, questions) };
    const same = found.sqlite.texts.filter((texts, n) => texts.join() === found.postgres.texts[n]!.join()).length;
    const result = {
      questions: questions.length,
      postgres_same_first_5: same / questions.length,
      find_sqlite_ms_p50: quantile(found.sqlite.ms, 0.5),
      find_sqlite_ms_p99: quantile(found.sqlite.ms, 0.99),
      find_postgres_ms_p50: quantile(found.postgres.ms, 0.5),
      find_postgres_ms_p99: quantile(found.postgres.ms, 0.99),
      ...(await compareIndexes(config, rows, settings, questions)),
    };
    await Promise.all([sqlite.close(), postgres.close(), rows.destroy()]);
    return result;
  } finally {
    await server.close();
  }
}

interface Question {
  readonly tenant: string;
  readonly question: string;
  readonly vector: Float32Array;
}

/** Reads every file as it was read, from rows to rows. */
async function copyDocuments(rows: Db, to: DocumentStore, tenant: string): Promise<void> {
  const { id: storeId } = await to.createStore(tenant, { name: 'samples', metadata: {} });
  const files = await rows
    .selectFrom('store_files')
    .innerJoin('files', 'files.id', 'store_files.file_id')
    .select(['store_files.store_id', 'file_id', 'filename'])
    .where('store_files.tenant', '=', tenant)
    .where('status', '=', 'completed')
    .orderBy('store_files.seq')
    .execute();
  for (const { store_id, file_id, filename } of files) {
    const passages = await rows
      .selectFrom('passages')
      .innerJoin('vectors', 'vectors.passage', 'label')
      .selectAll()
      .where('store_id', '=', store_id)
      .where('file_id', '=', file_id)
      .orderBy('ordinal')
      .execute();
    const copies = passages.map((row) => ({
      headingPath: JSON.parse(row.heading_path) as string[],
      text: row.text,
      byteStart: row.byte_start,
      byteEnd: row.byte_end,
      location: null,
      tokens: row.tokens,
      embedding: new Float32Array(Uint8Array.from(row.embedding).buffer),
    }));
    await addFile(to, tenant, storeId, filename, copies);
  }
}

/** Of each question the first passages, in no order: scores of half precision may swap two that are as good. */
async function findAll(documents: DocumentStore, questions: readonly Question[]) {
  const texts: string[][] = [];
  const ms: number[] = [];
  for (const { tenant, question, vector } of questions) {
    const startedAt = performance.now();
    const [store] = await documents.searched(tenant, []);
    const query = { embedder: store!.embedder, storeIds: [store!.id], parts: [{ text: question, vector }] };
    const search = {
      tenant,
      groups: [],
      mode: 'hybrid',
      filter: null,
      topK: FIRST,
      minScore: 0,
      diversity: 0,
    } as const;
    const { passages } = (await documents.find({ ...search, queries: [query] }, NEVER))!;
    ms.push(performance.now() - startedAt);
    texts.push(passages.map(textOf).sort());
  }
  return { texts, ms };
}

function textOf({ filename, headingPath, text }: ScoredPassage): string {
  return JSON.stringify([filename, headingPath, text]);
}

/** The indexes alone, over the vectors of the tenant that has the most. */
async function compareIndexes(config: Config, rows: Db, settings: Config['database'], questions: readonly Question[]) {
  const tenant = 'copilot';
  const { indexM: links, efConstruction, efSearch } = config.retrieval;
  const own = questions.filter((one) => one.tenant === tenant);
  const vectors = await createVectors(rows).ofTenantAfter(tenant, 1, 0, 1_000_000);
  const index = HnswIndex.create(
    { dimensions: vectors[0]!.embedding.length, links, efConstruction, efSearch },
    vectors.length,
  );
  for (const { key, embedding } of vectors) index.add(key, embedding);

  const { db, scopes, close } = openPostgres<Tables>(settings);
  const search = createPgvectorSearch(db, createPassages(db), { exactLimit: 0, efSearch });
  const scope = await scopes.of(tenant, async (): Promise<SearchScope> => {
    const { id } = await db.selectFrom('stores').select('id').where('tenant', '=', tenant).executeTakeFirstOrThrow();
    const shelves = await createShelves(db).visible([id], []);
    return { tenant, storeIds: [id], shelves: shelves.map(({ seq }) => seq), files: null, embedder: 1 };
  });
  const hits = { hnswlib: 0, pgvector: 0 };
  const ms: { hnswlib: number[]; pgvector: number[] } = { hnswlib: [], pgvector: [] };
  for (const { vector } of own) {
    const exact = new Nearest(vector, NEIGHBOURS);
    for (const { key, embedding } of vectors) exact.add(key, embedding);
    const startedAt = performance.now();
    const labels = index.search(vector, NEIGHBOURS);
    const between = performance.now();
    const near = await scopes.snapshot(tenant, () => search.nearest({ scope, vector, topK: NEIGHBOURS }));
    ms.hnswlib.push(between - startedAt);
    ms.pgvector.push(performance.now() - between);
    hits.hnswlib += exact.best.filter(({ label }) => labels.includes(label)).length;
    // Labels are others there: what is as near as the last of the true ones is one of them.
    const least = exact.best.at(-1)!.score - HALF_PRECISION;
    hits.pgvector += near.filter(({ score }) => score >= least).length;
  }
  await close();
  const all = NEIGHBOURS * own.length;
  return {
    vectors: vectors.length,
    hnswlib_recall_at_10: hits.hnswlib / all,
    hnswlib_ms_p50: quantile(ms.hnswlib, 0.5),
    hnswlib_ms_p99: quantile(ms.hnswlib, 0.99),
    pgvector_recall_at_10: hits.pgvector / all,
    pgvector_ms_p50: quantile(ms.pgvector, 0.5),
    pgvector_ms_p99: quantile(ms.pgvector, 0.99),
  };
}

/** What a cosine may lose when vectors of half precision are compared. */
const HALF_PRECISION = 2e-4;
