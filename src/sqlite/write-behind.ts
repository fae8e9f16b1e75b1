import { statSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type SQLite from 'better-sqlite3';
import { CompiledQuery } from 'kysely';
import { oneBehind } from '../queues/one-behind.js';
import { PRAGMAS } from './open.js';
import { WriterThread, type Writes } from './threaded.js';

export interface WriteBehind {
  /**
   * Writes in one transaction of a thread with a connection of its own. Resolves when every connection finds it, and it outlives this process,
   * though no loss of power. Until then nobody else may write: whoever holds the database's turn calls this. @throws what SQLite says
   */
  write(writes: Writes): Promise<void>;
  /** The same on this thread, for a connection that has to see what is written. */
  writeHere(writes: Writes): void;
  /** Resolves when all that was written is on the disk, for which no thread of ours waits. @throws what the disk says */
  onDisk(): Promise<void>;
  /** Resolves when the thread can write at once. */
  idle(): Promise<void>;
  /** A transaction on this thread, of what may be lost with the power. */
  now<T>(write: () => T): T;
  /** Whether the thread may have committed something since this was asked last. */
  hasWritten(): boolean;
  close(): Promise<void>;
}

const NORMAL = 'synchronous = NORMAL';
/** What is in the log goes over into the database from so many pages on, as it does by SQLite's own rule; in the thread, behind a group. */
const CHECKPOINT_PAGES = 1000;
/** A net under that: no commit of this thread does it before. */
const MOST_LOG_PAGES = 'wal_autocheckpoint = 8000';
/** That a group changes, whatever is in it; and each row of it one more, that of its id in an index. */
const PAGES_A_GROUP = 8;
const CHECKPOINT = CompiledQuery.raw('pragma wal_checkpoint(passive)');

/**
 * A commit of SQLite's with `synchronous = FULL` keeps its thread for as long as the disk takes. With NORMAL it leaves the log to the
 * system, and the same `fdatasync` brings it to the disk, in another thread (decision 0075). What is written of every answer takes its rows
 * and their pages to another one, too (decision 0116).
 */
export function createWriteBehind(database: SQLite.Database): WriteBehind {
  const transaction = database.transaction((write: () => unknown) => write());
  const { ino } = statSync(database.name);
  let log: Promise<FileHandle> | null = null;
  /** A slow disk has one at a time. */
  const syncing = oneBehind(async () => (await openLog()).datasync());
  const here = new Map<string, SQLite.Statement>();
  let thread: WriterThread | null = null;
  let underWay = 0;
  let wrote = false;
  let logPages = 0;
  let checkpoint: Promise<unknown> = Promise.resolve();

  /** Nobody ever holds a lock on it, so that a handle of our own can be closed. */
  function openLog(): Promise<FileHandle> {
    log ??= open(`${database.name}-wal`, 'r+').catch((error) => {
      log = null;
      throw error;
    });
    return log;
  }

  /** Not before it is needed: most of what opens a registry writes no answers. */
  function startThread(): WriterThread {
    if (statSync(database.name).ino !== ino) throw new Error('the database is another one than at the start');
    database.pragma(MOST_LOG_PAGES);
    return new WriterThread(database.name, [...PRAGMAS, NORMAL, 'wal_autocheckpoint = 0']);
  }

  function now<T>(write: () => T): T {
    database.pragma(NORMAL);
    try {
      return transaction(write) as T;
    } finally {
      database.pragma('synchronous = FULL');
    }
  }

  return {
    now,

    async write(writes) {
      thread ??= startThread();
      wrote = true;
      underWay += 1;
      try {
        await thread.write(writes);
      } finally {
        underWay -= 1;
      }
      logPages += PAGES_A_GROUP + writes.reduce((sum, { rows }) => sum + rows.length, 0);
      if (logPages < CHECKPOINT_PAGES) return;
      logPages = 0;
      // What could not be carried over now is carried over next time.
      checkpoint = thread.executeQuery(CHECKPOINT).catch(() => {});
    },

    writeHere(writes) {
      now(() => {
        for (const { sql, rows } of writes) {
          if (!here.has(sql)) here.set(sql, database.prepare(sql));
          for (const row of rows) here.get(sql)!.run(row);
        }
      });
    },

    onDisk: () => syncing.run(),

    async idle() {
      await checkpoint;
    },

    hasWritten() {
      const has = wrote;
      wrote = underWay > 0;
      return has;
    },

    async close() {
      await thread?.close();
      await (await log)?.close();
    },
  };
}
