import { setTimeout as sleep } from 'node:timers/promises';
import { type QueryExecutorProvider, sql } from 'kysely';

const TRIES = 50;
const PAUSE_MS = 100;

/**
 * Brings what is in the log into the database, and empties the log: with `secure_delete`, nothing of what was deleted is in
 * either then.
 * @returns whether it came to that; readers of an old state keep it from it
 */
export async function emptyLog(db: QueryExecutorProvider): Promise<boolean> {
  for (let tries = 0; tries < TRIES; tries++) {
    const { rows } = await sql<{ busy: number }>`pragma wal_checkpoint(truncate)`.execute(db);
    if (rows[0]?.busy === 0) return true;
    await sleep(PAUSE_MS);
  }
  return false;
}

/** Writes the database anew, without what is left in unused places. Takes twice its size on the disk meanwhile. */
export async function rewrite(db: QueryExecutorProvider): Promise<void> {
  await sql`vacuum`.execute(db);
}
