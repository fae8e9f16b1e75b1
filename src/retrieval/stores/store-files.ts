import { sql } from 'kysely';
import type {
  NewStoreFile,
  Page,
  PageRequest,
  SearchFilter,
  StoreFileChange,
  StoreFilesFilter,
  VectorStoreFile,
} from '../../contracts/retrieval.js';
import { AppError } from '../../errors/app-error.js';
import type { FilePassage } from '../chunking/chunk-file.js';
import type { FileTerms } from '../lexical/file-terms.js';
import { type AttachOptions, attachFile } from './attach-file.js';
import type { Db, Tables } from './database.js';
import { STATUS } from './file-counts.js';
import { passes } from './filter.js';
import { newId } from './ids.js';
import { beyond, toPage } from './paging.js';
import { writePostings } from './postings.js';
import { bumpShelf, listOf, moveToShelf, shelfFor } from './shelves.js';

type Row = Pick<
  Tables['store_files'],
  'store_id' | 'file_id' | 'shelf' | 'error_code' | 'error_message' | 'attributes' | 'created_at'
> & {
  seq: number;
  status: VectorStoreFile['status'];
  usage_bytes: number;
  passages: number;
  groups: string;
};

/** A file that waits to be read into a store. */
export interface IngestJob {
  readonly seq: number;
  readonly tenant: string;
  readonly storeId: string;
  readonly fileId: string;
  readonly filename: string;
  readonly content: Uint8Array;
  /** How often reading was begun, this time included. */
  readonly attempt: number;
}

export interface NewPassage extends FilePassage {
  readonly embedding: Float32Array;
}

/** A file in a store whose passages a search may find. */
export interface FoundFile {
  /** `store_files.seq` */
  readonly seq: number;
  /** How many it has. */
  readonly passages: number;
}

/** One statement for many rows: preparing one costs more than inserting one. */
const ROWS_PER_INSERT = 50;

const COLUMNS = [
  'seq',
  'store_id',
  'file_id',
  'shelf',
  STATUS.as('status'),
  'error_code',
  'error_message',
  'attributes',
  'created_at',
  'usage_bytes',
  'passages',
  sql<string>`(select groups from shelves where shelves.seq = shelf)`.as('groups'),
] as const;

/** Files in stores: the state of each, the queue of those that wait, and the passages of those that are done. */
export function createStoreFiles(db: Db) {
  const find = async (tenant: string, storeId: string, fileId: string): Promise<Row> => {
    const row = await db
      .selectFrom('store_files')
      .select(COLUMNS)
      .where('tenant', '=', tenant)
      .where('store_id', '=', storeId)
      .where('file_id', '=', fileId)
      .executeTakeFirst();
    if (!row) throw new AppError('not_found', { what: `File of vector store ${storeId}`, id: fileId });
    return row;
  };
  const get = async (tenant: string, storeId: string, fileId: string) =>
    toStoreFile(await find(tenant, storeId, fileId));
  const waiting = async (): Promise<number> => {
    const row = await db
      .selectFrom('store_files')
      .select((eb) => eb.fn.countAll<number>().as('files'))
      .where('status', '=', 'in_progress')
      .executeTakeFirstOrThrow();
    return row.files;
  };

  return {
    get,
    waiting,

    /** @throws AppError `ingest_queue_full` */
    async attach(
      tenant: string,
      storeId: string,
      file: NewStoreFile,
      options: AttachOptions,
    ): Promise<VectorStoreFile> {
      await db.transaction().execute((tx) => attachFile(tx, tenant, storeId, file, options));
      return get(tenant, storeId, file.fileId);
    },

    /** Replaces what is given; from then on passages are found with it, and by whom it says. */
    async update(
      tenant: string,
      storeId: string,
      fileId: string,
      { attributes, allowedGroups }: StoreFileChange,
      nowS: number,
    ): Promise<VectorStoreFile> {
      await find(tenant, storeId, fileId);
      await db.transaction().execute(async (tx) => {
        const file = await tx
          .selectFrom('store_files')
          .select(['seq', 'shelf'])
          .where('store_id', '=', storeId)
          .where('file_id', '=', fileId)
          .executeTakeFirst();
        // It was removed meanwhile.
        if (!file) return;
        if (attributes) {
          const json = JSON.stringify(attributes);
          await tx.updateTable('store_files').set({ attributes: json }).where('seq', '=', file.seq).execute();
          await bumpShelf(tx, file.shelf, nowS);
        }
        if (allowedGroups) await moveToShelf(tx, file, await shelfFor(tx, storeId, allowedGroups), nowS);
      });
      return get(tenant, storeId, fileId);
    },

    /** The files of some shelves that have passages and whose attributes pass. */
    async passing(shelves: readonly number[], filter: SearchFilter): Promise<FoundFile[]> {
      const rows = await db
        .selectFrom('store_files')
        .select(['seq', 'attributes', 'passages'])
        .where('shelf', 'in', listOf(shelves))
        .where('passages', '>', 0)
        .execute();
      return rows.filter(({ attributes }) => passes(filter, JSON.parse(attributes)));
    },

    async list(
      tenant: string,
      storeId: string,
      page: PageRequest,
      { batchId, status }: StoreFilesFilter = {},
    ): Promise<Page<VectorStoreFile>> {
      let query = db
        .selectFrom('store_files')
        .select(COLUMNS)
        .where('tenant', '=', tenant)
        .where('store_id', '=', storeId);
      if (page.after) query = query.where('seq', beyond(page), (await find(tenant, storeId, page.after)).seq);
      if (status) query = query.where(STATUS, '=', status);
      if (batchId) {
        const ofBatch = db
          .selectFrom('batch_files')
          .innerJoin('batches', 'batches.seq', 'batch_seq')
          .select('file_seq')
          .where('id', '=', batchId);
        query = query.where('seq', 'in', ofBatch);
      }
      return toPage(
        await query
          .orderBy('seq', page.order)
          .limit(page.limit + 1)
          .execute(),
        page,
        toStoreFile,
      );
    },

    /** Takes the file out of the store. Returns the labels of its passages. */
    async detach(tenant: string, storeId: string, fileId: string, nowS: number): Promise<number[]> {
      const row = await find(tenant, storeId, fileId);
      return db.transaction().execute(async (tx) => {
        const passages = await tx
          .selectFrom('passages')
          .select('label')
          .where('store_id', '=', storeId)
          .where('file_id', '=', fileId)
          .execute();
        await tx.deleteFrom('store_files').where('seq', '=', row.seq).execute();
        await bumpShelf(tx, row.shelf, nowS);
        return passages.map((passage) => passage.label);
      });
    },

    /**
     * The next file to read: the oldest of the tenant that follows `lastTenant`, so that none waits behind another's
     * bulk. Tenants of whom a file is being read are left out.
     */
    async next(lastTenant: string, reading: readonly string[]): Promise<IngestJob | null> {
      const oldest = (from: string) =>
        db
          .selectFrom('store_files')
          .innerJoin('files', 'files.id', 'store_files.file_id')
          .select(['store_files.seq', 'store_files.tenant', 'store_id', 'file_id', 'filename', 'content', 'attempts'])
          .where('status', '=', 'in_progress')
          .where('store_files.tenant', '>', from)
          .where('store_files.tenant', 'not in', reading)
          .orderBy('store_files.tenant')
          .orderBy('store_files.seq')
          .limit(1)
          .executeTakeFirst();
      const row = (await oldest(lastTenant)) ?? (await oldest(''));
      if (!row) return null;
      const attempt = row.attempts + 1;
      await db.updateTable('store_files').set({ attempts: attempt }).where('seq', '=', row.seq).execute();
      const { seq, tenant, store_id: storeId, file_id: fileId, filename, content } = row;
      return { seq, tenant, storeId, fileId, filename, content, attempt };
    },

    /** Gives a file back to the queue: reading it was interrupted on purpose. */
    async release(job: IngestJob): Promise<void> {
      await db
        .updateTable('store_files')
        .set({ attempts: job.attempt - 1 })
        .where('seq', '=', job.seq)
        .execute();
    },

    /** Stores all passages of a file and marks it completed, at once. False where it was removed meanwhile. */
    async complete(job: IngestJob, passages: readonly NewPassage[], terms: FileTerms, nowS: number): Promise<boolean> {
      return db.transaction().execute(async (tx) => {
        const usageBytes = passages.reduce(
          (sum, { text, embedding }) => sum + Buffer.byteLength(text) + embedding.byteLength,
          0,
        );
        const row = await tx
          .updateTable('store_files')
          .set({ status: 'completed', passages: passages.length, usage_bytes: usageBytes })
          .where('seq', '=', job.seq)
          .where('status', '=', 'in_progress')
          .returning('shelf')
          .executeTakeFirst();
        if (!row) return false;
        for (let from = 0; from < passages.length; from += ROWS_PER_INSERT) {
          const some = passages.slice(from, from + ROWS_PER_INSERT);
          const rows = some.map((passage, index) => toRow(job, passage, from + index));
          await tx.insertInto('passages').values(rows).execute();
        }
        await writePostings(tx, job, terms);
        await bumpShelf(tx, row.shelf, nowS);
        return true;
      });
    },

    async fail(job: IngestJob, error: { code: string; message: string }): Promise<void> {
      await db
        .updateTable('store_files')
        .set({ status: 'failed', error_code: error.code, error_message: error.message })
        .where('seq', '=', job.seq)
        .where('status', '=', 'in_progress')
        .execute();
    },
  };
}

function toRow(job: IngestJob, passage: NewPassage, ordinal: number) {
  const { text, tokens, embedding } = passage;
  return {
    id: newId('psg_'),
    tenant: job.tenant,
    store_id: job.storeId,
    file_id: job.fileId,
    ordinal,
    heading_path: JSON.stringify(passage.headingPath),
    text,
    byte_start: passage.byteStart,
    byte_end: passage.byteEnd,
    location: passage.location && JSON.stringify(passage.location),
    tokens,
    embedding: Buffer.from(embedding.buffer, embedding.byteOffset, embedding.byteLength),
  };
}

function toStoreFile(row: Row): VectorStoreFile {
  return {
    fileId: row.file_id,
    storeId: row.store_id,
    status: row.status,
    error: row.error_code === null ? null : { code: row.error_code, message: row.error_message ?? '' },
    createdAt: row.created_at,
    usageBytes: row.usage_bytes,
    passages: row.passages,
    attributes: JSON.parse(row.attributes),
    allowedGroups: JSON.parse(row.groups),
  };
}

export type StoreFiles = ReturnType<typeof createStoreFiles>;
