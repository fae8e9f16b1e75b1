import { type QueryExecutorProvider, sql } from 'kysely';

/**
 * Runs reads that see one state of the database, whatever is committed meanwhile. For a connection that only reads, and on
 * which one such job runs at a time; other reads of it in between see the same state.
 */
export async function inSnapshot<T>(db: QueryExecutorProvider, job: () => Promise<T>): Promise<T> {
  await sql`begin`.execute(db);
  try {
    return await job();
  } finally {
    await sql`commit`.execute(db);
  }
}
