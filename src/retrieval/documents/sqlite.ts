import { join } from 'node:path';
import { makeFolderSync } from '../../files/make-folder.js';
import { createJobs } from '../../jobs/jobs.js';
import { inSnapshot } from '../../sqlite/snapshot.js';
import { TenantIndexes } from '../hnsw/tenant-indexes.js';
import { startHousekeeping } from '../process/housekeeping.js';
import { backfillTerms } from '../process/term-backfill.js';
import { createVectorSearch } from '../search/find-nearest.js';
import { adoptEmbedders } from '../stores/adopt-embedders.js';
import { removeAbandoned } from '../stores/contents.js';
import { createAudited, databaseId, jobTables, openDatabase, openWriter } from '../stores/database.js';
import { createFiles } from '../stores/files.js';
import { createPassages } from '../stores/passages.js';
import { createPostings } from '../stores/postings.js';
import { createVectorStores } from '../stores/vector-stores.js';
import { createVectors } from '../stores/vectors.js';
import type { DocumentStore } from './document-store.js';
import { createFinding } from './find.js';
import type { DocumentsOptions } from './options.js';
import { createRows } from './rows.js';

/** The documents in a folder of this process' own: rows in SQLite, an HNSW index a tenant in memory and beside them. */
export async function openSqliteDocuments(dataDir: string, options: DocumentsOptions): Promise<DocumentStore> {
  const { config, models, relevanceOf, queue, atOnce, clock, onObservation, onError, onAdopted } = options;
  const folder = join(dataDir, 'indexes');
  makeFolderSync(folder);
  const file = join(dataDir, 'documents.db');
  const reader = openDatabase(file);
  const writer = openWriter(file);
  const nowS = () => Math.floor(clock.now() / 1000);
  const audit = createAudited(dataDir, clock);
  await removeAbandoned(writer);
  onAdopted(await adoptEmbedders(writer, models, clock.now()));
  const [passages, vectors, jobs] = [createPassages(reader), createVectors(reader), createJobs(jobTables(writer))];
  const indexes = new TenantIndexes({
    folder,
    databaseId: await databaseId(reader),
    params: { links: config.indexM, efConstruction: config.efConstruction, efSearch: config.efSearch },
    exactSearchLimit: config.exactSearchLimit,
    memoryBytes: config.indexMemoryBytes,
    passages,
    vectors,
    clock,
    inBackground: (tenant, job) => queue.run('background', tenant, job),
    onRebuilt: (durationMs) => onObservation({ type: 'index_rebuild', durationMs }),
    onError,
  });
  const housekeeping = startHousekeeping({
    dataDir,
    writer,
    files: createFiles(writer, audit),
    stores: createVectorStores(writer, nowS, audit, models),
    jobs,
    indexes,
    queue,
    clock,
    onError,
  });
  const search = createVectorSearch({ passages, vectors, indexes, exactLimit: config.exactSearchLimit });
  const sources = { passages, postings: createPostings(reader), vectors: search, relevanceOf };
  const { searched, find } = createFinding(reader, sources, nowS, models);
  const stopping = new AbortController();
  const backfill = backfillTerms({
    postings: createPostings(writer),
    passages,
    queue,
    signal: stopping.signal,
    onError,
  });

  return {
    ...createRows(writer, {
      audit,
      clock,
      models,
      limits: { files: config.maxIngestQueue, bytes: config.maxIngestBytes },
      atOnce,
      forget: housekeeping.forget,
      grown: (tenant) => indexes.grown(tenant),
    }),
    purgeFiles: housekeeping.purge,
    searched,
    // This thread reads the rows and compares them.
    find: (request, signal) =>
      queue.run('search', request.tenant, () => inSnapshot(reader, () => find(request)), signal),
    // On its way through this process it would be copied four times, before what others wait for.
    contentOf: async ({ fileId }) => ({ database: file, fileId }),
    jobs,
    isAlone: true,
    countPassages: () => passages.count(),
    async close() {
      housekeeping.stop();
      stopping.abort();
      await backfill;
      indexes.close();
      await writer.destroy();
      await reader.destroy();
    },
  };
}
