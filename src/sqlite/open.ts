import { chmodSync } from 'node:fs';
import { createRequire } from 'node:module';
import type SQLite from 'better-sqlite3';

/**
 * The major version of better-sqlite3 that this Node can load: 12 ends the process on Node 24.19 and later (its finalizers
 * run outside a context, nodejs/node#65446), 13 ends it on Node 20 (it needs a newer Node-API).
 */
export const DRIVER = Number(process.versions.node.split('.')[0]) < 22 ? 'better-sqlite3' : 'better-sqlite3-13';

/** The driver as it is. */
export const Sqlite = createRequire(import.meta.url)(DRIVER) as typeof SQLite;

/** How long a statement waits for another connection's, in milliseconds. */
export const BUSY_TIMEOUT = 'busy_timeout = 5000';

/** A commit is on the disk when it returns (WAL with synchronous = FULL), and what is deleted is overwritten. */
export const PRAGMAS: readonly string[] = [
  'journal_mode = WAL',
  'synchronous = FULL',
  'foreign_keys = ON',
  BUSY_TIMEOUT,
  'secure_delete = ON',
];

/** Opens a database, or creates it, for its owner alone (its log takes over the mode). @throws what SQLite or the system says, with the file's name */
export function openSqlite(file: string): SQLite.Database {
  return namingFile(file, () => {
    const database = new Sqlite(file);
    chmodSync(file, 0o600);
    for (const pragma of PRAGMAS) database.pragma(pragma);
    return database;
  });
}

/** SQLite does not say which file it cannot open. */
export function namingFile<T>(file: string, open: () => T): T {
  try {
    return open();
  } catch (error) {
    if (error instanceof Error && !error.message.includes(file)) error.message = `${file}: ${error.message}`;
    throw error;
  }
}
