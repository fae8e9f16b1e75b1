import { type SelectQueryBuilder, sql, type Transaction } from 'kysely';
import { completeJob, enqueueJob, holdsJob, type Lease, overcomeRisk } from '../../jobs/jobs.js';
import { type Db, jobTables, type Tables } from './database.js';
import type { EmbeddedFile } from './embedded-file.js';
import { keyOf } from './embedder-models.js';
import { listOf } from './list-of.js';
import { labelsOf, writeVectors } from './write-vectors.js';

/** What became of a step of a job that gives a store vectors of another model. */
export interface Settled {
  /** The job is over, or somebody else's. */
  readonly isOver: boolean;
  /** Keys of vectors that are gone. */
  readonly removed: readonly number[];
}

/** How much is to be done for vectors of another model. */
export interface PassagesLeft {
  readonly all: number;
  readonly left: number;
}

/** Vectors that are deleted in one transaction: others write in between. */
const LOT = 2000;

/** Whose vectors a store is to have. */
const TARGET = sql<number>`coalesce(stores.next_embedder, stores.embedder)`;

/**
 * How a store gets vectors of another model: file by file, each in a transaction, while those of before answer. The one that finds nothing missing has the
 * new ones answer from then on; the old ones go after it. Each step begins from the rows: it may be the first after a `kill -9`.
 */
export function createReembedding(db: Db) {
  return {
    /** Passages of the job's store, and those of them in files that lack vectors of the model that the store is to have. */
    async passagesLeft({ subject }: Lease): Promise<PassagesLeft> {
      const [all, left] = await Promise.all([
        passagesIn(db.selectFrom('store_files').where('store_id', '=', subject)),
        passagesIn(lacking(db, subject)),
      ]);
      return { all, left };
    },

    /** A file of the job's store, after `after` (`seq`), whose passages have no vectors of the model that the store is to have. */
    nextUnembedded: ({ subject }: Lease, after: number): Promise<EmbeddedFile | null> => unembedded(db, subject, after),

    /** Keeps vectors of all of a file's passages, which have these labels. False, and nothing is kept, where the job, the file or the model is another by now. */
    async keepVectors(
      lease: Lease,
      file: EmbeddedFile,
      labels: readonly number[],
      embeddings: readonly Float32Array[],
    ): Promise<boolean> {
      return db.transaction().execute(async (tx) => {
        if (!(await overcomeRisk(jobTables(tx), lease))) return false;
        const current = await unembedded(tx, file.storeId, file.seq - 1);
        if (current?.seq !== file.seq || current.embedder !== file.embedder) return false;
        // Else it was read again in between.
        if ((await labelsOf(tx, file)).join() !== labels.join()) return false;
        await writeVectors(tx, file, await keyOf(tx, file.embedder), embeddings);
        return true;
      });
    },

    /** Where nothing is missing: has the new vectors answer, takes a lot of the old ones away, and ends the job with the last. */
    async settle(lease: Lease, nowMs: number): Promise<Settled> {
      const storeId = lease.subject;
      return db.transaction().execute(async (tx) => {
        if (!(await holdsJob(jobTables(tx), lease))) return { isOver: true, removed: [] };
        if (await unembedded(tx, storeId, 0)) return { isOver: false, removed: [] };
        const store = await tx
          .selectFrom('stores')
          .select(['embedder', 'next_embedder'])
          .where('id', '=', storeId)
          .executeTakeFirst();
        if (store?.next_embedder) await answerWith(tx, storeId, store.embedder, store.next_embedder);
        const removed = await removeOthers(tx, storeId);
        const isOver = removed.length < LOT;
        if (isOver) await completeJob(jobTables(tx), lease, nowMs);
        return { isOver, removed };
      });
    },

    /** The store keeps the vectors that it has. @returns keys of those that were made for it */
    async giveUp(tenant: string, storeId: string): Promise<readonly number[]> {
      return db.transaction().execute(async (tx) => {
        const store = await tx
          .selectFrom('stores')
          .innerJoin('embedders', 'embedders.seq', 'stores.embedder')
          .select(['next_embedder', 'embedders.name'])
          .where('tenant', '=', tenant)
          .where('id', '=', storeId)
          .executeTakeFirst();
        if (!store?.next_embedder) return [];
        const kept = { next_embedder: null, embedder_name: store.name };
        await tx.updateTable('stores').set(kept).where('id', '=', storeId).execute();
        const removed: number[] = [];
        for (let some = await removeOthers(tx, storeId); some.length > 0; some = await removeOthers(tx, storeId)) {
          removed.push(...some);
        }
        return removed;
      });
    },
  };
}

/** Has the passages of a store get the vectors that they lack. */
export async function enqueueReembed(
  tx: Db,
  { tenant, storeId }: Pick<EmbeddedFile, 'tenant' | 'storeId'>,
  nowMs: number,
): Promise<void> {
  const size = await passagesIn(tx.selectFrom('store_files').where('store_id', '=', storeId));
  await enqueueJob(jobTables(tx), { kind: 'reembed', tenant, subject: storeId, size }, nowMs);
}

/** Vectors of another model answer in a store from the commit on. @param from, to keys of the models */
export async function answerWith(tx: Transaction<Tables>, storeId: string, from: number, to: number): Promise<void> {
  const models = await tx.selectFrom('embedders').select(['seq', 'dimensions']).execute();
  const dimensions = (key: number) => models.find(({ seq }) => seq === key)!.dimensions;
  const more = 4 * (dimensions(to) - dimensions(from));
  await tx.updateTable('stores').set({ embedder: to, next_embedder: null }).where('id', '=', storeId).execute();
  await tx
    .updateTable('store_files')
    .set((eb) => ({ usage_bytes: eb('usage_bytes', '+', eb('passages', '*', more)) }))
    .where('store_id', '=', storeId)
    .execute();
  await tx
    .updateTable('shelves')
    .set((eb) => ({ revision: eb('revision', '+', 1) }))
    .where('store_id', '=', storeId)
    .execute();
}

async function unembedded(db: Db, storeId: string, after: number): Promise<EmbeddedFile | null> {
  const row = await lacking(db, storeId)
    .innerJoin('files', 'files.id', 'store_files.file_id')
    .select(['store_files.seq', 'store_files.tenant', 'file_id', 'filename', 'path', 'digest'])
    .where('store_files.seq', '>', after)
    .orderBy('store_files.seq')
    .limit(1)
    .executeTakeFirst();
  if (!row) return null;
  const { seq, tenant, file_id: fileId, filename, path, digest: embedder } = row;
  return { seq, tenant, storeId, fileId, filename, path, embedder };
}

/** Files of a store whose passages have no vectors of the model that it is to have. */
function lacking(db: Db, storeId: string) {
  return (
    db
      .selectFrom('store_files')
      .innerJoin('stores', 'stores.id', 'store_files.store_id')
      .innerJoin('embedders', (join) => join.on('embedders.seq', '=', TARGET))
      .where('store_id', '=', storeId)
      .where('passages', '>', 0)
      // All of a file's passages have a vector of a model, or none.
      .where(({ exists, not, selectFrom }) =>
        exists(
          selectFrom('passages')
            .select('label')
            .whereRef('passages.store_id', '=', 'store_files.store_id')
            .whereRef('passages.file_id', '=', 'store_files.file_id')
            .where('ordinal', '=', 0)
            .where((of) =>
              not(
                exists(
                  of
                    .selectFrom('vectors')
                    .select('vectors.seq')
                    .whereRef('vectors.passage', '=', 'passages.label')
                    .whereRef('vectors.embedder', '=', 'embedders.seq'),
                ),
              ),
            ),
        ),
      )
  );
}

async function passagesIn(files: SelectQueryBuilder<Tables, 'store_files', object>): Promise<number> {
  const { passages } = await files
    .select((eb) => eb.fn.coalesce(eb.fn.sum<number>('passages'), sql<number>`0`).as('passages'))
    .executeTakeFirstOrThrow();
  return Number(passages);
}

/** Deletes vectors of a store's that are of no model that it has or is to have. @returns their keys */
async function removeOthers(tx: Transaction<Tables>, storeId: string): Promise<number[]> {
  const rows = await tx
    .selectFrom('store_files')
    .innerJoin('stores', 'stores.id', 'store_files.store_id')
    .innerJoin('vectors', 'vectors.store_file', 'store_files.seq')
    .select('vectors.seq')
    .where('store_id', '=', storeId)
    .whereRef('vectors.embedder', '!=', 'stores.embedder')
    .where((eb) =>
      eb.or([eb('next_embedder', 'is', null), eb('vectors.embedder', '!=', eb.ref('stores.next_embedder'))]),
    )
    .limit(LOT)
    .execute();
  const keys = rows.map(({ seq }) => seq);
  await tx.deleteFrom('vectors').where('seq', 'in', listOf(tx, keys)).execute();
  return keys;
}
