import { type FileHandle, open } from 'node:fs/promises';
import type SQLite from 'better-sqlite3';
import { oneBehind } from '../queues/one-behind.js';

export interface WriteBehind {
  /**
   * Writes in one transaction, before it returns. Resolves when that is on the disk, for which this thread does not wait: until then
   * it is found like anything else and outlives this process, though no loss of power. @throws what `write` throws, and what the disk says
   */
  run(write: () => void): Promise<void>;
  /** The same for what may be lost with the power. */
  now<T>(write: () => T): T;
  close(): Promise<void>;
}

/**
 * A commit of SQLite's with `synchronous = FULL` keeps its thread for as long as the disk takes. With NORMAL it leaves the log to the
 * system, and the same `fdatasync` brings it to the disk, in another thread (decision 0075).
 */
export function createWriteBehind(database: SQLite.Database): WriteBehind {
  const transaction = database.transaction((write: () => unknown) => write());
  let log: Promise<FileHandle> | null = null;
  /** A slow disk has one at a time. */
  const syncing = oneBehind(async () => (await openLog()).datasync());

  /** Nobody ever holds a lock on it, so that a handle of our own can be closed. */
  function openLog(): Promise<FileHandle> {
    log ??= open(`${database.name}-wal`, 'r+').catch((error) => {
      log = null;
      throw error;
    });
    return log;
  }

  function now<T>(write: () => T): T {
    database.pragma('synchronous = NORMAL');
    try {
      return transaction(write) as T;
    } finally {
      database.pragma('synchronous = FULL');
    }
  }

  return {
    now,
    async run(write) {
      now(write);
      await syncing.run();
    },
    async close() {
      await (await log)?.close();
    },
  };
}
