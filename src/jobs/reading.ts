import { sql } from 'kysely';
import type { Job, JobCount, JobKind, JobsFilter } from '../contracts/jobs.js';
import type { Page, PageRequest } from '../contracts/paging.js';
import { AppError } from '../errors/app-error.js';
import { COMPLETED, type JobDb, UNFINISHED } from './table.js';
import { type PastWork, timeLeftMs } from './time-left.js';

/** Pace is judged by that many jobs that were done last. */
const PAST_JOBS = 64;
const COLUMNS = [
  'seq',
  'id',
  'kind',
  'tenant',
  'subject',
  'status',
  'attempts',
  'progress',
  'error_code',
  'error_message',
  'created_at',
  'started_at',
  'finished_at',
] as const;

interface Row extends Omit<Job, 'error' | 'createdAt' | 'startedAt' | 'finishedAt' | 'leftMs'> {
  readonly seq: number;
  readonly error_code: string | null;
  readonly error_message: string | null;
  readonly created_at: number;
  readonly started_at: number | null;
  readonly finished_at: number | null;
}

/** What is told of jobs, with the time that they still take. `atOnce` are the jobs of a kind that are worked on at once, each of another tenant. */
export function createReading(db: JobDb) {
  /** What the newest jobs of a kind that are done took. */
  const past = async (kind: JobKind): Promise<PastWork> => {
    const newest = db
      .selectFrom('jobs')
      .select(['size', sql<number>`finished_at - started_at`.as('duration')])
      .where('kind', '=', kind)
      .where(COMPLETED)
      .orderBy('finished_at', 'desc')
      .limit(PAST_JOBS)
      .as('newest');
    const row = await db
      .selectFrom(newest)
      .select((eb) => [
        eb.fn.sum<number | null>('size').as('size'),
        eb.fn.sum<number | null>('duration').as('duration'),
      ])
      .executeTakeFirstOrThrow();
    return { size: row.size ?? 0, durationMs: row.duration ?? 0 };
  };

  /** Of unfinished jobs of a tenant and a kind, by `seq`: asked once for all of them. */
  const timesLeft = async (
    tenant: string,
    kind: JobKind,
    seqs: readonly number[],
    atOnce: number,
  ): Promise<(readonly [seq: number, leftMs: number | null])[]> => {
    const unfinished = db.selectFrom('jobs').where('kind', '=', kind).where(UNFINISHED);
    const queue = unfinished
      .select(['seq', sql<number>`sum(size * (1 - progress)) over (order by seq)`.as('ahead')])
      .where('tenant', '=', tenant)
      .as('queue');
    const rows = await db.selectFrom(queue).select(['seq', 'ahead']).where('seq', 'in', seqs).execute();
    const { tenants } = await unfinished
      .select((eb) => eb.fn.count<number>('tenant').distinct().as('tenants'))
      .executeTakeFirstOrThrow();
    const work = await past(kind);
    return rows.map(({ seq, ahead }) => [seq, timeLeftMs(work, { size: ahead, tenants, atOnce })] as const);
  };

  /** @param rows of one tenant */
  const toJobs = async (rows: readonly Row[], atOnce: number): Promise<Job[]> => {
    const unfinished = rows.filter(({ status }) => status === 'queued' || status === 'running');
    const left = new Map<number, number | null>();
    for (const kind of new Set(unfinished.map((row) => row.kind))) {
      const ofKind = unfinished.filter((row) => row.kind === kind);
      const seqs = ofKind.map(({ seq }) => seq);
      for (const [seq, ms] of await timesLeft(ofKind[0]!.tenant, kind, seqs, atOnce)) left.set(seq, ms);
    }
    return rows.map((row) => toJob(row, left.get(row.seq) ?? null));
  };

  const aboutAll = async (
    kind: JobKind,
    tenant: string,
    subjects: readonly string[],
    atOnce: number,
  ): Promise<ReadonlyMap<string, Job>> => {
    if (subjects.length === 0) return new Map();
    const rows = await db
      .selectFrom('jobs')
      .select(COLUMNS)
      .where('kind', '=', kind)
      .where('subject', 'in', subjects)
      .where('tenant', '=', tenant)
      .orderBy('seq')
      .execute();
    return new Map((await toJobs(rows, atOnce)).map((job) => [job.subject, job]));
  };

  return {
    async get(tenant: string, id: string, atOnce: number): Promise<Job> {
      return (await toJobs([await findJob(db, tenant, id)], atOnce))[0]!;
    },

    /** The newest job about something; null where it is forgotten. */
    async about(kind: JobKind, tenant: string, subject: string, atOnce: number): Promise<Job | null> {
      return (await aboutAll(kind, tenant, [subject], atOnce)).get(subject) ?? null;
    },

    /** The newest job about each of several things, by what it is about. */
    aboutAll,

    async list(tenant: string, page: PageRequest, { kind, status }: JobsFilter, atOnce: number): Promise<Page<Job>> {
      let query = db.selectFrom('jobs').select(COLUMNS).where('tenant', '=', tenant);
      if (kind) query = query.where('kind', '=', kind);
      if (status) query = query.where('status', '=', status);
      if (page.after)
        query = query.where('seq', page.order === 'asc' ? '>' : '<', (await findJob(db, tenant, page.after)).seq);
      const rows = await query
        .orderBy('seq', page.order)
        .limit(page.limit + 1)
        .execute();
      return { items: await toJobs(rows.slice(0, page.limit), atOnce), hasMore: rows.length > page.limit };
    },

    /** Of all tenants. */
    async counts(): Promise<JobCount[]> {
      const rows = await db
        .selectFrom('jobs')
        .select((eb) => ['kind', 'status', eb.fn.countAll<number>().as('jobs')])
        .where(UNFINISHED)
        .groupBy(['kind', 'status'])
        .execute();
      return rows as JobCount[];
    },
  };
}

/** @throws AppError `not_found`, also for a job of another tenant */
export async function findJob(db: JobDb, tenant: string, id: string): Promise<Row> {
  const row = await db
    .selectFrom('jobs')
    .select(COLUMNS)
    .where('tenant', '=', tenant)
    .where('id', '=', id)
    .executeTakeFirst();
  if (!row) throw new AppError('not_found', { what: 'Job', id });
  return row;
}

function toJob(row: Row, leftMs: number | null): Job {
  const { id, kind, tenant, subject, status, attempts, progress } = row;
  return {
    id,
    kind,
    tenant,
    subject,
    status,
    attempts,
    progress,
    error: row.error_code === null ? null : { code: row.error_code, message: row.error_message ?? '' },
    createdAt: row.created_at,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
    leftMs,
  };
}
