import { randomInt } from 'node:crypto';
import type SQLite from 'better-sqlite3';

export interface Versions {
  /** Another number whenever somebody else has committed something, but for the thread that writes behind. */
  outer(): number;
  /** At the end of a transaction of this connection, before it is committed: shows the others that something is changed by it. */
  mark(): Promise<void>;
}

/** A number of 32 bits with a sign. */
const MOST = 2 ** 31 - 1;

/**
 * SQLite's `data_version` tells that another connection has committed, and not which. What the thread of this process writes changes nothing
 * that anybody keeps, and comes fifty times a second (decision 0116). So whoever changes something else marks it by a number in the header
 * of the database, which the thread leaves as it is.
 * @param hasWritten whether the thread may have committed something since this was asked last: where it has not, somebody else did,
 * marked or not
 */
export function createVersions(database: SQLite.Database, hasWritten: () => boolean): Versions {
  const dataVersion = database.prepare('PRAGMA data_version').pluck();
  const userVersion = database.prepare('PRAGMA user_version').pluck();
  const totalChanges = database.prepare('SELECT total_changes()').pluck();
  let seen = dataVersion.get();
  let mark = userVersion.get();
  let changes = totalChanges.get();
  let outer = 0;

  return {
    outer() {
      const now = dataVersion.get();
      if (now === seen) return outer;
      seen = now;
      const newMark = userVersion.get();
      if (!hasWritten() || newMark !== mark) outer += 1;
      mark = newMark;
      return outer;
    },

    async mark() {
      const now = totalChanges.get();
      if (now === changes) return;
      changes = now;
      if (userVersion.get() !== mark) outer += 1;
      // Drawn, so that what is undone after all is never taken for what somebody else wrote.
      mark = randomInt(MOST);
      database.pragma(`user_version = ${mark}`);
    },
  };
}
