import type { Transaction } from 'kysely';
import { AppError } from '../../errors/app-error.js';
import { endJob, unfinishedJobs } from '../../jobs/jobs.js';
import { longestQueue, tenantLimit } from '../../queues/shared-queue.js';
import { jobTables, type Tables } from './database.js';

/** Of the files that wait to be read. */
export interface IngestLimits {
  readonly files: number;
  readonly bytes: number;
}

const RETRY_AFTER_S = 10;

const full = (limit: number, measure: keyof IngestLimits): AppError =>
  new AppError('ingest_queue_full', { limit: `${limit} ${measure}`, retryAfterS: RETRY_AFTER_S });

/**
 * Bounds what waits once a file of `tenant` was added, as `SharedQueue` does for what waits in memory: each tenant has
 * its share, and where the queue is full all the same, the newest file of the longest queue fails.
 * @throws AppError `ingest_queue_full` where the tenant's own queue is too long
 */
export async function boundIngestQueue(
  tx: Transaction<Tables>,
  tenant: string,
  limits: IngestLimits,
  nowMs: number,
): Promise<void> {
  for (const measure of ['files', 'bytes'] as const) {
    for (;;) {
      const rows = await waitingByTenant(tx);
      const sizes = new Map(rows.map((row) => [row.tenant, row[measure]]));
      const own = rows.find((row) => row.tenant === tenant);
      const share = tenantLimit(limits[measure]);
      // A file that waits alone is never too large.
      if (own && own.files > 1 && own[measure] > share) throw full(share, measure);
      const total = rows.reduce((sum, row) => sum + row[measure], 0);
      if (total <= limits[measure] || rows.length < 2) break;
      const longest = longestQueue(sizes, tenant);
      const error = full(limits[measure], measure);
      if (longest === tenant) throw error;
      await failNewest(tx, longest, error, nowMs);
    }
  }
}

function waitingByTenant(tx: Transaction<Tables>): Promise<{ tenant: string; files: number; bytes: number }[]> {
  return unfinishedJobs(jobTables(tx), 'ingest')
    .select((eb) => ['tenant', eb.fn.countAll<number>().as('files'), eb.fn.sum<number>('size').as('bytes')])
    .groupBy('tenant')
    .execute();
}

async function failNewest(tx: Transaction<Tables>, tenant: string, error: AppError, nowMs: number): Promise<void> {
  const newest = await unfinishedJobs(jobTables(tx), 'ingest')
    .select((eb) => eb.fn.max('seq').as('seq'))
    .where('tenant', '=', tenant)
    .executeTakeFirstOrThrow();
  await endJob(jobTables(tx), newest.seq, error, nowMs);
}
