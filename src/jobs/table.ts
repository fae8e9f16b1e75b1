import { type Generated, type Kysely, sql } from 'kysely';
import type { JobKind, JobStatus } from '../contracts/jobs.js';

/** Times are milliseconds since the epoch. */
interface JobsTable {
  seq: Generated<number>;
  id: string;
  kind: JobKind;
  tenant: string;
  /** What it is about: a kind has one unfinished job a subject at most. */
  subject: string;
  /** How much work it is, in a unit of the kind. */
  size: number;
  status: Generated<JobStatus>;
  /** Times that it was begun. */
  attempts: Generated<number>;
  /** Times that the process may have ended because of it: counted before the risk, and taken back where it went well. */
  deaths: Generated<number>;
  /** Who works on it, and until when nobody else may; null unless it is running. */
  holder: string | null;
  lease_until: number | null;
  /** It is not begun before that. */
  not_before: Generated<number>;
  /** The share that is done, 0 … 1. */
  progress: Generated<number>;
  error_code: string | null;
  error_message: string | null;
  created_at: number;
  started_at: number | null;
  finished_at: number | null;
}

export interface JobTables {
  jobs: JobsTable;
}

/** The database, or a transaction in which a room's own tables are written along with its jobs. */
export type JobDb = Kysely<JobTables>;

/** As the indexes over them have it, word for word. */
export const UNFINISHED = sql<boolean>`status in ('queued', 'running')`;
export const COMPLETED = sql<boolean>`status = 'completed'`;

/** The table as its first release has it. Whose database it lies in runs this as one of its migrations. */
export const JOBS_SCHEMA = `
  create table jobs (
    seq integer primary key autoincrement,
    id text not null unique,
    kind text not null,
    tenant text not null,
    subject text not null,
    size integer not null,
    status text not null default 'queued' check (status in ('queued', 'running', 'completed', 'failed', 'cancelled')),
    attempts integer not null default 0,
    deaths integer not null default 0,
    holder text,
    lease_until integer,
    not_before integer not null default 0,
    progress real not null default 0,
    error_code text,
    error_message text,
    created_at integer not null,
    started_at integer,
    finished_at integer
  ) strict;
  create unique index jobs_unfinished on jobs (kind, subject) where status in ('queued', 'running');
  create index jobs_by_subject on jobs (kind, subject);
  create index jobs_waiting on jobs (kind, tenant, seq, status, size) where status in ('queued', 'running');
  create index jobs_by_tenant on jobs (tenant, seq);
  create index jobs_completed on jobs (kind, finished_at, started_at, size) where status = 'completed';
  create index jobs_by_end on jobs (finished_at) where finished_at is not null;
`;
