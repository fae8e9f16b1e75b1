import { CompiledQuery, sql } from 'kysely';
import type { Config } from '../../config/schema.js';
import type { PurgeReport } from '../../contracts/retrieval.js';
import { AppError } from '../../errors/app-error.js';
import { contentOf } from '../../files/content-of.js';
import { createJobs } from '../../jobs/jobs.js';
import { openPostgres } from '../../postgres/open.js';
import type { Scopes } from '../../postgres/scopes.js';
import { storageTrouble } from '../../sqlite/storage-trouble.js';
import { backfillTerms } from '../process/term-backfill.js';
import { startTidying } from '../process/tidying.js';
import { adoptEmbedders } from '../stores/adopt-embedders.js';
import { type Audited, type Db, jobTables, type Tables } from '../stores/database.js';
import { createFiles } from '../stores/files.js';
import { createPassages } from '../stores/passages.js';
import { type AuditLogFile, openAuditLogFile } from '../stores/postgres/audit-log-file.js';
import { createOutbox, noteInOutbox } from '../stores/postgres/audit-outbox.js';
import { startFolding } from '../stores/postgres/fold-audit.js';
import { checkPostgres } from '../stores/postgres/migrate.js';
import { createPgvectorSearch } from '../stores/postgres/vectors.js';
import { createPostings } from '../stores/postings.js';
import { createVectorStores } from '../stores/vector-stores.js';
import type { DocumentStore } from './document-store.js';
import { createFinding } from './find.js';
import type { DocumentsOptions } from './options.js';
import { createRows } from './rows.js';

/** What holds something of a document. */
const TABLES = ['files', 'store_files', 'passages', 'vectors', 'postings'] as const;

/**
 * The documents in PostgreSQL with pgvector, which several gateways may use at once. Every method is one transaction within the scope
 * of its tenant: what row-level security does not show it does not see, whatever a statement forgets to ask for.
 * @param dataDir of this gateway, where the audit log of its changes lies
 * @throws AppError `config_invalid` for a database that cannot be used
 */
export async function openPostgresDocuments(
  dataDir: string,
  settings: Config['database'],
  options: DocumentsOptions,
): Promise<DocumentStore> {
  const { config, models, relevanceOf, queue, atOnce, clock, onError, onAdopted } = options;
  const { db, scopes, close: closePool } = openPostgres<Tables>(settings);
  const nowS = () => Math.floor(clock.now() / 1000);
  let log: AuditLogFile | null = null;
  const close = async () => {
    await log?.close();
    await closePool();
  };
  try {
    await checkPostgres(async (text, values) => db.executeQuery(CompiledQuery.raw(text, values)));
    onAdopted(await scopes.all(() => adoptEmbedders(db, models, clock.now())));
    // There is nothing of a new model yet that its index would have to be made from.
    await scopes.all(() =>
      sql`select index_vectors(seq, dimensions, ${config.indexM}, ${config.efConstruction}) from embedders
        where dimensions > 0`.execute(db),
    );
    log = openAuditLogFile(dataDir, clock);
  } catch (error) {
    await close();
    if (error instanceof AppError) throw error;
    const { host } = new URL(settings.url);
    const refused = `${(error as Error).message}. "switchyard database migrate" makes its role and tables`;
    throw new AppError(
      'config_invalid',
      { reason: `PostgreSQL at ${host} cannot be used: ${storageTrouble(error) ?? refused}` },
      { cause: error },
    );
  }
  const [passages, postings, jobs] = [createPassages(db), createPostings(db), createJobs(jobTables(db))];
  const audit = noteInOutbox(log.id, clock);
  const folding = startFolding({ outbox: createOutbox(db, scopes, log.id), log, onError });
  const stores = createVectorStores(db, nowS, audit, models);
  const vectors = createPgvectorSearch(db, passages, {
    exactLimit: config.exactSearchLimit,
    efSearch: config.efSearch,
  });
  const { searched, find } = createFinding(db, { passages, postings, vectors, relevanceOf }, nowS, models);
  const rows = createRows(db, {
    audit,
    clock,
    models,
    limits: { files: config.maxIngestQueue, bytes: config.maxIngestBytes },
    atOnce,
    // The index is the server's own.
    forget: () => {},
    grown: () => {},
  });
  const tidying = startTidying({
    expire: async () => void (await scopes.all(stores.expire)),
    jobs,
    clock,
    onError,
  });
  const stopping = new AbortController();
  const backfill = backfillTerms({
    postings: {
      nextOutdated: (after) => scopes.all(() => postings.nextOutdated(after)),
      replace: (file, terms) => scopes.of(file.tenant, () => postings.replace(file, terms)),
    },
    passages: { ofFile: (file, from, limit) => scopes.of(file.tenant, () => passages.ofFile(file, from, limit)) },
    queue,
    signal: stopping.signal,
    onError,
  });

  const own = confined(rows, scopes);
  return {
    ...own,
    createFile: (tenant, file, mostBytes) =>
      own.createFile(tenant, { ...file, content: contentOf(file.content) }, mostBytes),
    contentOf: ({ tenant, fileId }) => own.getFileContent(tenant, fileId),
    purgeFiles: (tenant, fileIds) => purge(db, scopes, audit, tenant, fileIds, nowS()),
    searched: (tenant, storeIds) => scopes.of(tenant, () => searched(tenant, storeIds)),
    async find(request, signal) {
      signal.throwIfAborted();
      return scopes.snapshot(request.tenant, () => find(request));
    },
    jobs,
    isAlone: false,
    countPassages: () => scopes.all(() => passages.count()),
    async close() {
      tidying.stop();
      stopping.abort();
      await backfill;
      await folding.stop();
      await close();
    },
  };
}

/** Each method in a scope of the tenant that its first argument names. */
function confined<T extends object>(methods: T, scopes: Scopes): T {
  type Method = (...args: readonly unknown[]) => Promise<unknown>;
  const confine =
    (method: Method): Method =>
    (...args) => {
      const [first] = args as [string | { readonly tenant: string }];
      return scopes.of(typeof first === 'string' ? first : first.tenant, () => method(...args));
    };
  return Object.fromEntries(Object.entries(methods).map(([name, method]) => [name, confine(method)])) as T;
}

/**
 * Deletes files, has the server take out what is left of their rows, and looks for rows of theirs. What stays in the server's log,
 * its replicas and its backups for a while is in the hands of who runs it.
 */
async function purge(
  db: Db,
  scopes: Scopes,
  audit: Audited,
  tenant: string,
  fileIds: readonly string[],
  nowS: number,
): Promise<PurgeReport> {
  const files = createFiles(db, audit);
  const pieces = await scopes.of(tenant, async () => {
    for (const id of fileIds) await files.get(tenant, id);
    const keys: number[] = [];
    for (const id of fileIds) keys.push(...(await files.delete(tenant, id, nowS, 'file.purged')));
    return fileIds.length + keys.length;
  });
  await sql`vacuum ${sql.join(TABLES.map((name) => sql.table(name)))}`.execute(db);
  const left = await scopes.all(async () => {
    const held = async (table: 'store_files' | 'passages') =>
      (await db.selectFrom(table).select('file_id').where('file_id', 'in', fileIds).limit(1).execute()).length > 0;
    const bytes = sql<number>`(select sum(pg_total_relation_size(name::regclass)) from unnest(${TABLES}::text[]) as name)`;
    const searched = await db.selectNoFrom(bytes.as('bytes')).executeTakeFirstOrThrow();
    const found = [];
    for (const table of ['store_files', 'passages'] as const) if (await held(table)) found.push(table);
    return { bytes: searched.bytes, found };
  });
  return { files: fileIds.length, pieces, searchedFiles: TABLES.length, searchedBytes: left.bytes, found: left.found };
}
