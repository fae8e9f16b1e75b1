import type { Batch, BatchChange, BatchStatus } from '../contracts/batches.js';
import type { Clock } from '../contracts/clock.js';
import type { Registry } from '../contracts/registry.js';
import { AppError } from '../errors/app-error.js';
import { completeJob, enqueueJob } from '../jobs/jobs.js';
import { jobTables } from './database.js';
import type { Database } from './tables/tables.js';
import type { BatchRow } from './tables/texts.js';

type Batches = Pick<
  Registry,
  | 'createBatch'
  | 'getBatch'
  | 'listBatches'
  | 'cancelBatch'
  | 'changeBatch'
  | 'addBatchResult'
  | 'listBatchResults'
  | 'finishBatch'
>;

const CANCELLABLE: readonly BatchStatus[] = ['validating', 'in_progress'];

/** Batches, and the results of their lines until they are in a file. */
export function createBatches({ db, clock }: { db: Database; clock: Clock }): Batches {
  const rowOf = async (tenant: string, id: string, trx = db): Promise<BatchRow> => {
    const row = await trx
      .selectFrom('batches')
      .selectAll()
      .where('id', '=', id)
      .where('tenant', '=', tenant)
      .executeTakeFirst();
    if (row === undefined) throw new AppError('not_found', { what: 'Batch', id });
    return row;
  };
  const read = async (row: BatchRow, trx = db): Promise<Batch> => {
    const batch = toBatch(row);
    return row.isOver ? batch : { ...batch, counts: await countResults(trx, batch) };
  };
  /** A status is reached once; one that is to end is not begun again. */
  const change = async (trx: Database, row: BatchRow, given: BatchChange): Promise<Batch> => {
    const before = await read(row, trx);
    const status = before.status === 'cancelling' && given.status === 'in_progress' ? before.status : given.status;
    const reachedAt = {
      ...before.reachedAt,
      [status ?? before.status]: before.reachedAt[status ?? before.status] ?? clock.now(),
    };
    const batch = { ...before, ...given, status: status ?? before.status, reachedAt };
    await trx
      .updateTable('batches')
      .set({ body: JSON.stringify(batch) })
      .where('id', '=', batch.id)
      .execute();
    return batch;
  };

  return {
    createBatch: (given) =>
      db.transaction().execute(async (trx) => {
        const batch: Batch = {
          ...given,
          status: 'validating',
          counts: { total: 0, completed: 0, failed: 0 },
          outputFileId: null,
          errorFileId: null,
          errors: [],
          reachedAt: {},
        };
        const { id, tenant, createdAt } = batch;
        await trx
          .insertInto('batches')
          .values({ id, tenant, createdAt, isOver: 0, body: JSON.stringify(batch) })
          .execute();
        await enqueueJob(jobTables(trx), { kind: 'batch', tenant, subject: id, size: 1 }, createdAt);
        return batch;
      }),

    getBatch: async (tenant, id) => read(await rowOf(tenant, id)),

    async listBatches(tenant, { limit, after, order }) {
      let query = db.selectFrom('batches').selectAll().where('tenant', '=', tenant);
      if (after !== null) {
        const { createdAt } = await rowOf(tenant, after);
        const sign = order === 'asc' ? '>' : '<';
        query = query.where(({ eb, or, and }) =>
          or([eb('createdAt', sign, createdAt), and([eb('createdAt', '=', createdAt), eb('id', sign, after)])]),
        );
      }
      const rows = await query
        .orderBy('createdAt', order)
        .orderBy('id', order)
        .limit(limit + 1)
        .execute();
      return {
        items: await Promise.all(rows.slice(0, limit).map((row) => read(row))),
        hasMore: rows.length > limit,
      };
    },

    cancelBatch: (tenant, id) =>
      db.transaction().execute(async (trx) => {
        const row = await rowOf(tenant, id, trx);
        const batch = await read(row, trx);
        return CANCELLABLE.includes(batch.status) ? change(trx, row, { status: 'cancelling' }) : batch;
      }),

    changeBatch: (tenant, id, given) =>
      db.transaction().execute(async (trx) => change(trx, await rowOf(tenant, id, trx), given)),

    async addBatchResult(id, { line, isError, json }) {
      await db
        .insertInto('batchResults')
        .values({ batchId: id, line, isError: isError ? 1 : 0, json })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
    },

    async listBatchResults(id, after, limit) {
      const rows = await db
        .selectFrom('batchResults')
        .select(['line', 'isError', 'json'])
        .where('batchId', '=', id)
        .where('line', '>', after)
        .orderBy('line')
        .limit(limit)
        .execute();
      return rows.map((row) => ({ ...row, isError: row.isError === 1 }));
    },

    finishBatch: (lease, given) =>
      db.transaction().execute(async (trx) => {
        if (!(await completeJob(jobTables(trx), lease, clock.now()))) return;
        await change(trx, await rowOf(lease.tenant, lease.subject, trx), given);
        await trx.updateTable('batches').set({ isOver: 1 }).where('id', '=', lease.subject).execute();
        await trx.deleteFrom('batchResults').where('batchId', '=', lease.subject).execute();
      }),
  };
}

async function countResults(trx: Database, { id, counts: { total } }: Batch): Promise<Batch['counts']> {
  const rows = await trx
    .selectFrom('batchResults')
    .select((eb) => ['isError', eb.fn.countAll<number>().as('lines')])
    .where('batchId', '=', id)
    .groupBy('isError')
    .execute();
  const of = (isError: 0 | 1) => rows.find((row) => row.isError === isError)?.lines ?? 0;
  return { total, completed: of(0), failed: of(1) };
}

function toBatch({ body }: BatchRow): Batch {
  return JSON.parse(body);
}
