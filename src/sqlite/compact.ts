import { setTimeout as sleep } from 'node:timers/promises';
import { type Kysely, sql } from 'kysely';
import { BUSY_TIMEOUT } from './open.js';

const TRIES = 20;
const PAUSE_MS = 100;

/**
 * Brings what is in the log into the database, and empties the log: with `secure_delete`, nothing of what was deleted is in
 * either then. Keeps nobody waiting.
 * @returns whether it came to that; who reads an old state, as a backup does, keeps it from it
 */
export async function emptyLog<T>(db: Kysely<T>): Promise<boolean> {
  const empty = () =>
    db.connection().execute(async (connection) => {
      await sql`pragma busy_timeout = 0`.execute(connection);
      const { rows } = await sql<{ busy: number }>`pragma wal_checkpoint(truncate)`.execute(connection);
      await sql.raw(`pragma ${BUSY_TIMEOUT}`).execute(connection);
      return rows[0]?.busy === 0;
    });
  for (let tries = 1; !(await empty()); tries++) {
    if (tries === TRIES) return false;
    await sleep(PAUSE_MS);
  }
  return true;
}

/** Writes the database anew, without what is left in unused places. Takes twice its size on the disk meanwhile. */
export async function rewrite<T>(db: Kysely<T>): Promise<void> {
  await sql`vacuum`.execute(db);
}
