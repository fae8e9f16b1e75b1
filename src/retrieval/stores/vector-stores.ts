import { sql } from 'kysely';
import type { JobStatus } from '../../contracts/jobs.js';
import type {
  FileCounts,
  NewVectorStore,
  Page,
  PageRequest,
  Reembedding,
  VectorStore,
  VectorStoreChange,
} from '../../contracts/retrieval.js';
import { AppError } from '../../errors/app-error.js';
import { changeEmbedder } from './change-embedder.js';
import type { Audited, Db, Tables } from './database.js';
import { type EmbedderModels, keyOf, modelNamed } from './embedder-models.js';
import { STATUS, toFileCounts } from './file-counts.js';
import { newId } from './ids.js';
import { beyond, toPage } from './paging.js';
import { vectorKeys } from './write-vectors.js';

type Row = Pick<
  Tables['stores'],
  | 'id'
  | 'name'
  | 'metadata'
  | 'created_at'
  | 'last_active_at'
  | 'expires_after_days'
  | 'redaction'
  | 'embedder'
  | 'next_embedder'
  | 'embedder_name'
> & {
  seq: number;
  expired: number;
  answering: string;
  answering_digest: string;
  next: string | null;
};

interface RowWithJob extends Row {
  readonly job_id: string | null;
  readonly job_status: JobStatus | null;
  readonly job_progress: number | null;
}

/** A store that a search takes place in. */
export interface SearchedStore {
  readonly id: string;
  readonly lastActiveAt: number;
  /** Digest of the model whose vectors answer. */
  readonly embedder: string;
}

/** A store whose time was up, and what it held. */
export interface ExpiredStore {
  readonly id: string;
  readonly tenant: string;
  /** Of the vectors that are gone. */
  readonly keys: readonly number[];
}

/** Of the model that a column has the key of. */
const nameOf = (column: 'embedder' | 'next_embedder') =>
  sql<string>`(select name from embedders where embedders.seq = ${sql.ref(`stores.${column}`)})`;

const COLUMNS = [
  'seq',
  'id',
  'name',
  'metadata',
  'created_at',
  'last_active_at',
  'expires_after_days',
  'redaction',
  'expired',
  'embedder',
  'next_embedder',
  'embedder_name',
  nameOf('embedder').as('answering'),
  sql<string>`(select digest from embedders where embedders.seq = stores.embedder)`.as('answering_digest'),
  nameOf('next_embedder').as('next'),
] as const;
/** Of the newest job that gives a store other vectors. By the statement that reads the store: read after it, the job may have ended in between. */
const ofJob = <T>(column: 'id' | 'status' | 'progress') =>
  sql<T | null>`(select ${sql.ref(column)} from jobs where kind = 'reembed' and subject = stores.id order by seq desc limit 1)`;
const WITH_JOB = [
  ...COLUMNS,
  ofJob<string>('id').as('job_id'),
  ofJob<JobStatus>('status').as('job_status'),
  ofJob<number>('progress').as('job_progress'),
] as const;
const DAY_S = 86_400;
const UNFINISHED: readonly JobStatus[] = ['queued', 'running'];

/** The time of a store is up. */
const isOver = (nowS: number) =>
  sql<boolean>`(expired = 1 or coalesce(last_active_at + expires_after_days * ${sql.lit(DAY_S)} <= ${nowS}, false))`;

/** The rows of vector stores. Every method is confined to its tenant. @param models that stores may have */
export function createVectorStores(db: Db, nowS: () => number, audit: Audited, models: EmbedderModels) {
  const find = async (tenant: string, id: string): Promise<Row> => {
    const rows = db.selectFrom('stores').select(COLUMNS).where('tenant', '=', tenant).where('id', '=', id);
    return existing(await rows.executeTakeFirst(), id);
  };

  /** Counts of the files of stores, by store. */
  const usage = async (storeIds: readonly string[]) => {
    const rows =
      storeIds.length === 0
        ? []
        : await db
            .selectFrom('store_files')
            .select((eb) => [
              'store_id',
              STATUS.as('status'),
              eb.fn.countAll<number>().as('files'),
              eb.fn.sum<number>('usage_bytes').as('bytes'),
            ])
            .where('store_id', 'in', storeIds)
            .groupBy(['store_id', STATUS])
            .execute();
    return (storeId: string): { bytes: number; counts: FileCounts } => {
      const own = rows.filter((row) => row.store_id === storeId);
      return { bytes: own.reduce((sum, row) => sum + row.bytes, 0), counts: toFileCounts(own) };
    };
  };

  const toStore = (row: RowWithJob, { bytes, counts }: { bytes: number; counts: FileCounts }): VectorStore => ({
    id: row.id,
    name: row.name,
    createdAt: row.created_at,
    lastActiveAt: row.last_active_at,
    expiresAfterDays: row.expires_after_days,
    isExpired: isExpired(row, nowS()),
    metadata: JSON.parse(row.metadata),
    redaction: row.redaction,
    embedder: row.answering,
    reembedding: toReembedding(row),
    usageBytes: bytes,
    fileCounts: counts,
  });

  const get = async (tenant: string, id: string): Promise<VectorStore> => {
    const rows = db.selectFrom('stores').select(WITH_JOB).where('tenant', '=', tenant).where('id', '=', id);
    return toStore(existing(await rows.executeTakeFirst(), id), (await usage([id]))(id));
  };

  /** @throws AppError `not_found`, `store_expired` */
  const findLive = async (tenant: string, id: string): Promise<Row> => {
    const row = await find(tenant, id);
    if (isExpired(row, nowS())) throw new AppError('store_expired', { id });
    return row;
  };

  return {
    get,

    async create(tenant: string, store: NewVectorStore): Promise<VectorStore> {
      const id = newId('vs_');
      const model = modelNamed(models, store.embedder ?? null);
      const redaction = store.redaction ?? 'off';
      await db.transaction().execute(async (tx) => {
        await tx
          .insertInto('stores')
          .values({
            id,
            tenant,
            name: store.name,
            metadata: JSON.stringify(store.metadata),
            created_at: nowS(),
            last_active_at: nowS(),
            expires_after_days: store.expiresAfterDays ?? null,
            redaction,
            embedder: await keyOf(tx, model.digest),
            next_embedder: null,
            embedder_name: store.embedder ?? null,
          })
          .execute();
        const after = { expiresAfterDays: store.expiresAfterDays ?? null, redaction, embedder: model.id };
        await audit(tx, { tenant, action: 'vector_store.created', subject: id, before: null, after });
      });
      return get(tenant, id);
    },

    async list(tenant: string, page: PageRequest): Promise<Page<VectorStore>> {
      let query = db.selectFrom('stores').select(WITH_JOB).where('tenant', '=', tenant);
      if (page.after) query = query.where('seq', beyond(page), (await find(tenant, page.after)).seq);
      const rows = await query
        .orderBy('seq', page.order)
        .limit(page.limit + 1)
        .execute();
      const used = await usage(rows.map((row) => row.id));
      return toPage(rows, page, (row) => toStore(row, used(row.id)));
    },

    async update(tenant: string, id: string, change: VectorStoreChange): Promise<VectorStore> {
      const { expires_after_days: expiresAfterDays, redaction, answering, next } = await findLive(tenant, id);
      const model = change.embedder === undefined ? null : modelNamed(models, change.embedder);
      await db.transaction().execute(async (tx) => {
        await tx
          .updateTable('stores')
          .set({
            last_active_at: nowS(),
            ...(change.name !== undefined && { name: change.name }),
            ...(change.metadata !== undefined && { metadata: JSON.stringify(change.metadata) }),
            ...(change.expiresAfterDays !== undefined && { expires_after_days: change.expiresAfterDays }),
            ...(change.redaction !== undefined && { redaction: change.redaction }),
          })
          .where('id', '=', id)
          .execute();
        if (model) await changeEmbedder(tx, { tenant, storeId: id }, { model, name: change.embedder ?? null }, nowS());
        // Names and metadata have no place in it: it is never purged.
        const embedder = next ?? answering;
        const before = { expiresAfterDays, redaction, embedder };
        const after = {
          expiresAfterDays: change.expiresAfterDays ?? expiresAfterDays,
          redaction: change.redaction ?? redaction,
          embedder: model?.id ?? embedder,
          nameReplaced: change.name !== undefined,
          metadataReplaced: change.metadata !== undefined,
        };
        await audit(tx, { tenant, action: 'vector_store.changed', subject: id, before, after });
      });
      return get(tenant, id);
    },

    /** Deletes the store with its passages; the files stay. Returns the keys of their vectors. */
    async delete(tenant: string, id: string): Promise<number[]> {
      const { fileCounts } = await get(tenant, id);
      return db.transaction().execute(async (tx) => {
        const { keys, passages } = await held(tx, id);
        await tx.deleteFrom('stores').where('id', '=', id).execute();
        const before = { id, files: fileCounts.total, passages };
        await audit(tx, { tenant, action: 'vector_store.deleted', subject: id, before, after: null });
        return keys;
      });
    },

    /** It is in use. */
    async touch(tenant: string, id: string): Promise<void> {
      await db
        .updateTable('stores')
        .set({ last_active_at: nowS() })
        .where('tenant', '=', tenant)
        .where('id', '=', id)
        .where(({ not }) => not(isOver(nowS())))
        .execute();
    },

    /** @throws AppError `not_found`, `store_expired` */
    async checkLive(tenant: string, id: string): Promise<void> {
      await findLive(tenant, id);
    },

    /** @throws AppError `not_found`, `store_expired` */
    searched: async (tenant: string, id: string): Promise<SearchedStore> => toSearched(await findLive(tenant, id)),

    /** The tenant's default store; null where it has none. */
    async oldest(tenant: string): Promise<SearchedStore | null> {
      const own = db.selectFrom('stores').select(COLUMNS).where('tenant', '=', tenant);
      const live = own.where(({ not }) => not(isOver(nowS())));
      const row = await live.orderBy('seq').limit(1).executeTakeFirst();
      return row ? toSearched(row) : null;
    },

    /** Takes the files out of the stores whose time is up. */
    async expire(): Promise<ExpiredStore[]> {
      return db.transaction().execute(async (tx) => {
        const over = await tx
          .updateTable('stores')
          .set({ expired: 1 })
          .where('expired', '=', 0)
          .where(isOver(nowS()))
          .returning(['id', 'tenant'])
          .execute();
        const expired: ExpiredStore[] = [];
        for (const { id, tenant } of over) {
          const { keys, passages } = await held(tx, id);
          await tx.deleteFrom('store_files').where('store_id', '=', id).execute();
          const before = { id, passages };
          await audit(tx, { tenant, action: 'vector_store.expired', subject: id, before, after: null });
          expired.push({ id, tenant, keys });
        }
        return expired;
      });
    },
  };
}

function existing<R>(row: R | undefined, id: string): R {
  if (!row) throw new AppError('not_found', { what: 'Vector store', id });
  return row;
}

function toReembedding({ answering, next, job_id, job_status: status, job_progress }: RowWithJob): Reembedding | null {
  if (job_id === null || status === null || status === 'completed') return null;
  if (next === null && !UNFINISHED.includes(status)) return null;
  return { embedder: next ?? answering, jobId: job_id, status, progress: job_progress ?? 0 };
}

function isExpired(row: Pick<Row, 'last_active_at' | 'expires_after_days' | 'expired'>, nowS: number): boolean {
  if (row.expired === 1) return true;
  return row.expires_after_days !== null && row.last_active_at + row.expires_after_days * DAY_S <= nowS;
}

function toSearched({ id, last_active_at: lastActiveAt, answering_digest: embedder }: Row): SearchedStore {
  return { id, lastActiveAt, embedder };
}

/** What goes with a store's files. */
async function held(tx: Db, storeId: string): Promise<{ keys: number[]; passages: number }> {
  const files = await tx
    .selectFrom('store_files')
    .select(['seq', 'passages'])
    .where('store_id', '=', storeId)
    .execute();
  const seqs = files.map(({ seq }) => seq);
  return { keys: await vectorKeys(tx, seqs), passages: files.reduce((sum, file) => sum + file.passages, 0) };
}

export type VectorStores = ReturnType<typeof createVectorStores>;
