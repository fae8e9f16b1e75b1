import type { JobKind } from '../contracts/jobs.js';
import { endJob, unfinishedJobs } from '../jobs/jobs.js';
import { jobTables } from './database.js';
import type { Database } from './tables/tables.js';

/** Ends the job about something, where one is under way. Whoever works on it finds out with its next renewal. */
export async function callOff(trx: Database, kind: JobKind, subject: string, nowMs: number): Promise<void> {
  const tables = jobTables(trx);
  const job = await unfinishedJobs(tables, kind).select('seq').where('subject', '=', subject).executeTakeFirst();
  if (job) await endJob(tables, job.seq, 'cancelled', nowMs);
}
