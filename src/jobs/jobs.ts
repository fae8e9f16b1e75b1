import { randomBytes } from 'node:crypto';
import { type ExpressionBuilder, sql } from 'kysely';
import type { JobKind } from '../contracts/jobs.js';
import { isPostgres } from '../postgres/dialect.js';
import { backoffMs } from './backoff.js';
import { createReading, findJob } from './reading.js';
import { type JobDb, type JobTables, UNFINISHED } from './table.js';

export interface NewJob {
  readonly kind: JobKind;
  readonly tenant: string;
  readonly subject: string;
  readonly size: number;
}

/** A job that somebody holds. Only the holder ends it, and only while it holds it. */
export interface Lease {
  readonly seq: number;
  readonly kind: JobKind;
  readonly tenant: string;
  readonly subject: string;
  readonly holder: string;
  /** How often it was begun, this time included. */
  readonly attempt: number;
  /** How often the process may have ended because of it before. */
  readonly deaths: number;
}

export interface JobFailure {
  readonly code: string;
  readonly message: string;
}

export interface ClaimOptions {
  readonly holder: string;
  /** Whose turn was last: the tenants that follow it come first. */
  readonly afterTenant: string;
  /** Tenants that have no turn now. */
  readonly except: readonly string[];
  readonly leaseMs: number;
  readonly nowMs: number;
}

const NOBODY = { holder: null, lease_until: null };

/**
 * The table of jobs. Who works on one holds a lease: it is renewed while the work goes on, and a job whose lease ran out is
 * anybody's again. A job is ended together with what it made, in one transaction that fails where the lease was lost.
 */
export function createJobs(db: JobDb) {
  return {
    ...createReading(db),

    /** The oldest job of the tenant whose turn it is; null where nothing is to be done now. Counts as an attempt. */
    async claim(kind: JobKind, { holder, afterTenant, except, leaseMs, nowMs }: ClaimOptions): Promise<Lease | null> {
      const oldest = (from: string) => {
        const query = db
          .selectFrom('jobs')
          .select('seq')
          .where('kind', '=', kind)
          .where(UNFINISHED)
          .where('tenant', '>', from)
          .where(isNoneOf(except))
          .where('not_before', '<=', nowMs)
          .where((eb) => eb.or([eb('status', '=', 'queued'), eb('lease_until', '<=', nowMs)]))
          .orderBy('tenant')
          .orderBy('seq')
          .limit(1);
        // Where several processes take jobs, none waits for the one that another is taking.
        return isPostgres(db) ? query.forUpdate().skipLocked() : query;
      };
      const take = async (from: string) =>
        db
          .updateTable('jobs')
          .set((eb) => ({
            status: 'running',
            holder,
            lease_until: nowMs + leaseMs,
            started_at: nowMs,
            attempts: eb('attempts', '+', 1),
            progress: 0,
          }))
          .where('seq', '=', oldest(from))
          .returning(['seq', 'tenant', 'subject', 'attempts', 'deaths'])
          .executeTakeFirst();
      const row = (await take(afterTenant)) ?? (afterTenant === '' ? undefined : await take(''));
      return row ? { ...row, kind, holder, attempt: row.attempts } : null;
    },

    /** When the first job can be begun of a tenant that has its turn, by now perhaps; null where there is none. */
    async nextStartMs(kind: JobKind, except: readonly string[]): Promise<number | null> {
      const { at } = await db
        .selectFrom('jobs')
        .select(sql<number | null>`min(case status when 'queued' then not_before else lease_until end)`.as('at'))
        .where('kind', '=', kind)
        .where(UNFINISHED)
        .where(isNoneOf(except))
        .executeTakeFirstOrThrow();
      return at;
    },

    /**
     * Keeps the leases of a holder for longer, and writes down how far its jobs are.
     * @param progress by `seq`
     * @returns those of them that it still holds: the others were called off, or are somebody else's
     */
    async renew(holder: string, progress: ReadonlyMap<number, number>, untilMs: number): Promise<Set<number>> {
      const ofHolder = db.updateTable('jobs').where('holder', '=', holder).where('status', '=', 'running');
      for (const [seq, share] of progress) {
        await ofHolder.set({ progress: share }).where('seq', '=', seq).execute();
      }
      const rows = await ofHolder.set({ lease_until: untilMs }).returning('seq').execute();
      return new Set(rows.map(({ seq }) => seq));
    },

    /** Ends the leases of all others of a kind, who are known to be dead; their jobs wait a little, the longer the more often they may have been the cause. */
    async reclaim(kind: JobKind, holder: string, nowMs: number): Promise<void> {
      const rows = await db
        .selectFrom('jobs')
        .select(['seq', 'deaths'])
        .where('kind', '=', kind)
        .where('status', '=', 'running')
        .where('holder', '!=', holder)
        .where('lease_until', '>', nowMs)
        .execute();
      for (const { seq, deaths } of rows) {
        const change = { ...NOBODY, status: 'queued' as const, progress: 0, not_before: nowMs + backoffMs(deaths) };
        await db.updateTable('jobs').set(change).where('seq', '=', seq).where('status', '=', 'running').execute();
      }
    },

    /** False where the lease was lost. */
    async fail(lease: Lease, { code, message }: JobFailure, nowMs: number): Promise<boolean> {
      const { numUpdatedRows } = await held(db, lease)
        .set({ ...NOBODY, status: 'failed', error_code: code, error_message: message, finished_at: nowMs })
        .executeTakeFirst();
      return numUpdatedRows > 0n;
    },

    /** What follows may end the process: counts, unless the job is given back or ends. */
    async risk(lease: Lease): Promise<void> {
      await held(db, lease)
        .set((eb) => ({ deaths: eb('deaths', '+', 1) }))
        .execute();
    },

    /** Gives a job back that may go better later. */
    async retry(lease: Lease, failure: JobFailure, nowMs: number): Promise<void> {
      await held(db, lease)
        .set({
          ...NOBODY,
          status: 'queued',
          progress: 0,
          deaths: countedBefore(lease),
          not_before: nowMs + backoffMs(lease.attempt),
          error_code: failure.code,
          error_message: failure.message,
        })
        .execute();
    },

    /** Gives a job back that was interrupted through no fault of its own. */
    async release(lease: Lease): Promise<void> {
      await held(db, lease)
        .set({ ...NOBODY, status: 'queued', progress: 0, deaths: countedBefore(lease), attempts: lease.attempt - 1 })
        .execute();
    },

    /** Where nothing else is to be kept with it; see `enqueueJob`. */
    add: (job: NewJob, nowMs: number): Promise<void> => enqueueJob(db, job, nowMs),

    /** Where nothing else is to be kept with its end; see `completeJob`. */
    complete: (lease: Lease, nowMs: number): Promise<boolean> => completeJob(db, lease, nowMs),

    /** Whoever works on it finds out with its next renewal, or when it wants to end it. */
    async cancel(tenant: string, id: string, nowMs: number): Promise<void> {
      const { seq } = await findJob(db, tenant, id);
      await endJob(db, seq, 'cancelled', nowMs);
    },

    /** Forgets jobs that ended before. */
    async prune(beforeMs: number): Promise<void> {
      await db.deleteFrom('jobs').where('finished_at', '<', beforeMs).execute();
    },
  };
}

export type JobStore = ReturnType<typeof createJobs>;

/** Adds a job, unless one about the same is unfinished: that one will do. */
export async function enqueueJob(tx: JobDb, job: NewJob, nowMs: number): Promise<void> {
  await tx
    .insertInto('jobs')
    .values({ ...job, id: `job_${randomBytes(12).toString('hex')}`, created_at: nowMs })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** Ends a job within the transaction that keeps what it made. False where the lease was lost: then nothing of it may be kept. */
export async function completeJob(tx: JobDb, lease: Lease, nowMs: number): Promise<boolean> {
  const { numUpdatedRows } = await held(tx, lease)
    .set({ ...NOBODY, status: 'completed', progress: 1, error_code: null, error_message: null, finished_at: nowMs })
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/**
 * A part of the work went well that was risked, within the transaction that keeps it: whatever ended the process before, it was not this job.
 * False where the lease was lost: then nothing of it may be kept.
 */
export async function overcomeRisk(tx: JobDb, lease: Lease): Promise<boolean> {
  const { numUpdatedRows } = await held(tx, lease).set({ deaths: 0 }).executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** Whether the lease counts still: what is kept of an unfinished job is kept by its holder alone. */
export async function holdsJob(tx: JobDb, { seq, holder, attempt }: Lease): Promise<boolean> {
  const row = await tx
    .selectFrom('jobs')
    .select('seq')
    .where('seq', '=', seq)
    .where('status', '=', 'running')
    .where('holder', '=', holder)
    .where('attempts', '=', attempt)
    .executeTakeFirst();
  return row !== undefined;
}

/** Ends a job that nobody ended yet, whoever works on it. */
export async function endJob(tx: JobDb, seq: number, ended: 'cancelled' | JobFailure, nowMs: number): Promise<void> {
  const status =
    ended === 'cancelled'
      ? { status: ended }
      : { status: 'failed' as const, error_code: ended.code, error_message: ended.message };
  await tx
    .updateTable('jobs')
    .set({ ...NOBODY, ...status, finished_at: nowMs })
    .where('seq', '=', seq)
    .where(UNFINISHED)
    .execute();
}

/** Unfinished jobs of a kind. */
export function unfinishedJobs(tx: JobDb, kind: JobKind) {
  return tx.selectFrom('jobs').where('kind', '=', kind).where(UNFINISHED);
}

/** Of another tenant than these. */
function isNoneOf(tenants: readonly string[]) {
  return ({ eb, lit }: ExpressionBuilder<JobTables, 'jobs'>) =>
    tenants.length === 0 ? lit(true) : eb('tenant', 'not in', tenants);
}

/** The job, as long as the lease counts. */
function held(db: JobDb, { seq, holder, attempt }: Lease) {
  return db
    .updateTable('jobs')
    .where('seq', '=', seq)
    .where('status', '=', 'running')
    .where('holder', '=', holder)
    .where('attempts', '=', attempt);
}

/** Deaths without the one that was risked since; none where a risk was overcome. */
function countedBefore({ deaths }: Lease) {
  return sql<number>`case when deaths > ${deaths} then ${deaths} else deaths end`;
}
