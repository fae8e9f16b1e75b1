import { sql } from 'kysely';
import type {
  ChunkSizes,
  NewStoreFile,
  Page,
  PageRequest,
  Redaction,
  SearchFilter,
  StoreFileChange,
  StoreFilesFilter,
  VectorStoreFile,
} from '../../contracts/retrieval.js';
import { AppError } from '../../errors/app-error.js';
import { completeJob, type Lease } from '../../jobs/jobs.js';
import type { FilePassage } from '../chunking/chunk-file.js';
import type { FileTerms } from '../lexical/file-terms.js';
import { type AttachOptions, attachFile } from './attach-file.js';
import { type Audited, type Db, jobTables, type Tables } from './database.js';
import { keyOf, storesWithOthers } from './embedder-models.js';
import { STATUS } from './file-counts.js';
import { passes } from './filter.js';
import { newId } from './ids.js';
import { listOf } from './list-of.js';
import { beyond, toPage } from './paging.js';
import { writePostings } from './postings.js';
import { enqueueReembed } from './reembedding.js';
import { bumpShelf, moveToShelf, shelfFor } from './shelves.js';
import { checkPassages, storedPassages } from './stored.js';
import { removePassages, supersede } from './supersede.js';
import { ROWS_PER_INSERT, writeVectors } from './write-vectors.js';

type Row = Pick<
  Tables['store_files'],
  | 'store_id'
  | 'file_id'
  | 'shelf'
  | 'error_code'
  | 'error_message'
  | 'attributes'
  | 'created_at'
  | 'path'
  | 'chunk_tokens'
  | 'overlap_tokens'
> & {
  seq: number;
  status: VectorStoreFile['status'];
  usage_bytes: number;
  passages: number;
  groups: string;
};

/** A file that is read into a store. */
export interface IngestFile {
  readonly seq: number;
  readonly tenant: string;
  readonly storeId: string;
  readonly fileId: string;
  readonly filename: string;
  readonly bytes: number;
  readonly path: string | null;
  readonly chunking: ChunkSizes | null;
  readonly redaction: Redaction;
  /** Digest of the model whose vectors answer in the store. */
  readonly embedder: string;
  /** That the tenant may keep, those of this file included; null: no limit. */
  readonly mostPassages: number | null;
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
  'path',
  'chunk_tokens',
  'overlap_tokens',
] as const;

/** Files in stores: the state of each, the queue of those that wait, and the passages of those that are done. */
export function createStoreFiles(db: Db, audit: Audited) {
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
  return {
    get,

    /** @throws AppError `ingest_queue_full` */
    async attach(
      tenant: string,
      storeId: string,
      file: NewStoreFile,
      options: AttachOptions,
    ): Promise<VectorStoreFile> {
      await db.transaction().execute((tx) => attachFile(tx, tenant, storeId, file, options, audit));
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
      const { allowedGroups: groupsBefore } = await get(tenant, storeId, fileId);
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
        if (allowedGroups) await moveToShelf(tx, file.seq, await shelfFor(tx, storeId, allowedGroups), nowS);
        await audit(tx, {
          tenant,
          action: 'store_file.changed',
          subject: `${storeId}/${fileId}`,
          before: { allowedGroups: groupsBefore },
          after: { allowedGroups: allowedGroups ?? groupsBefore, attributesReplaced: attributes !== undefined },
        });
      });
      return get(tenant, storeId, fileId);
    },

    /** The files of some shelves that have passages and whose attributes pass. */
    async passing(shelves: readonly number[], filter: SearchFilter): Promise<FoundFile[]> {
      const rows = await db
        .selectFrom('store_files')
        .select(['seq', 'attributes', 'passages'])
        .where('shelf', 'in', listOf(db, shelves))
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

    /** Takes the file out of the store. Returns the keys of its passages' vectors. */
    async detach(tenant: string, storeId: string, fileId: string, nowS: number): Promise<number[]> {
      const row = await find(tenant, storeId, fileId);
      return db.transaction().execute(async (tx) => {
        const keys = await removePassages(tx, { seq: row.seq, storeId, fileId });
        await tx.deleteFrom('store_files').where('seq', '=', row.seq).execute();
        await bumpShelf(tx, row.shelf, nowS);
        const before = { storeId, fileId, passages: row.passages };
        const change = { tenant, action: 'store_file.detached', subject: `${storeId}/${fileId}` };
        await audit(tx, { ...change, before, after: null });
        return keys;
      });
    },

    /** What a job to read a file is about. @throws AppError `not_found` where it was removed meanwhile */
    async load({ tenant, subject }: Lease): Promise<IngestFile> {
      const [storeId, fileId] = subject.split('/') as [string, string];
      const row = await db
        .selectFrom('store_files')
        .innerJoin('files', 'files.id', 'store_files.file_id')
        .innerJoin('stores', 'stores.id', 'store_files.store_id')
        .innerJoin('embedders', 'embedders.seq', 'stores.embedder')
        .select(['store_files.seq', 'filename', 'bytes', 'path', 'chunk_tokens', 'overlap_tokens', 'redaction'])
        .select(['most_passages', 'digest'])
        .where('store_id', '=', storeId)
        .where('file_id', '=', fileId)
        .executeTakeFirst();
      if (!row) throw new AppError('not_found', { what: `File of vector store ${storeId}`, id: fileId });
      const { seq, filename, bytes, path, redaction, digest: embedder } = row;
      const mostPassages = row.most_passages === null ? null : Number(row.most_passages);
      const read = { seq, tenant, storeId, fileId, filename, bytes, path, redaction, embedder, mostPassages };
      return { ...read, chunking: toChunking(row) };
    },

    /**
     * Ends the job, puts the passages in the place of those that the file had, and the file in the place of those of the
     * same path: all at once.
     * @returns the keys of the vectors that are gone; null, and nothing is kept, where the job is no longer held
     * @throws AppError `passage_limit_reached`, and nothing is kept
     */
    async complete(
      lease: Lease,
      file: IngestFile,
      passages: readonly NewPassage[],
      terms: FileTerms,
      nowMs: number,
    ): Promise<number[] | null> {
      return db.transaction().execute(async (tx) => {
        if (!(await completeJob(jobTables(tx), lease, nowMs))) return null;
        const removed = await removePassages(tx, file);
        const usageBytes = passages.reduce(
          (sum, { text, embedding }) => sum + Buffer.byteLength(text) + embedding.byteLength,
          0,
        );
        const { shelf } = await tx
          .updateTable('store_files')
          .set({ status: 'completed', passages: passages.length, usage_bytes: usageBytes })
          .where('seq', '=', file.seq)
          .returning('shelf')
          .executeTakeFirstOrThrow();
        for (let from = 0; from < passages.length; from += ROWS_PER_INSERT) {
          const some = passages.slice(from, from + ROWS_PER_INSERT);
          const rows = some.map((passage, index) => toRow(file, passage, from + index));
          await tx.insertInto('passages').values(rows).execute();
        }
        const embeddings = passages.map(({ embedding }) => embedding);
        await writeVectors(tx, file, await keyOf(tx, file.embedder), embeddings);
        const isOutdated = (await storesWithOthers(tx, [file.storeId], file.embedder)).length > 0;
        if (isOutdated) await enqueueReembed(tx, file, nowMs);
        const nowS = Math.floor(nowMs / 1000);
        await writePostings(tx, file, terms);
        removed.push(...(await supersede(tx, file, nowS)));
        await bumpShelf(tx, shelf, nowS);
        if (file.mostPassages !== null) {
          const stored = await storedPassages(tx, file.tenant);
          checkPassages(file.tenant, stored - passages.length, passages.length, file.mostPassages);
        }
        return removed;
      });
    },
  };
}

function toRow(file: IngestFile, passage: NewPassage, ordinal: number) {
  const { text, tokens } = passage;
  return {
    id: newId('psg_'),
    tenant: file.tenant,
    store_id: file.storeId,
    file_id: file.fileId,
    ordinal,
    heading_path: JSON.stringify(passage.headingPath),
    text,
    byte_start: passage.byteStart,
    byte_end: passage.byteEnd,
    location: passage.location && JSON.stringify(passage.location),
    tokens,
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
    path: row.path,
    chunking: toChunking(row),
  };
}

function toChunking(row: Pick<Row, 'chunk_tokens' | 'overlap_tokens'>): ChunkSizes | null {
  return row.chunk_tokens === null ? null : { maxTokens: row.chunk_tokens, overlapTokens: row.overlap_tokens ?? 0 };
}
