import { accessSync } from 'node:fs';
import { BUSY_TIMEOUT, Sqlite } from '../../sqlite/open.js';
import { readContent } from './contents.js';

/** Where the bytes of a file lie, for a process that reads them itself. */
export interface StoredContent {
  /** A file of SQLite's. */
  readonly database: string;
  readonly fileId: string;
}

/** @throws AppError `not_found` where it was removed meanwhile; the error of a database that cannot be read */
export function readStored({ database, fileId }: StoredContent): Uint8Array {
  // The driver has no code for a folder that is not there.
  accessSync(database);
  const connection = new Sqlite(database, { readonly: true });
  try {
    connection.pragma(BUSY_TIMEOUT);
    return readContent(connection, fileId);
  } finally {
    connection.close();
  }
}
