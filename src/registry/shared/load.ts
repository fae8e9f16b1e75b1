import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import type SQLite from 'better-sqlite3';
import { TableDigests } from '../../postgres/table-digests.js';
import { type OpenDatabase, openDatabase } from '../database.js';
import { createApply } from './apply.js';
import { makeLocalTables, writeLocal } from './local.js';
import { readShared } from './log.js';
import { describe } from './rows.js';
import type { SharedServer } from './server.js';

export async function openReplicaFile(file: string): Promise<OpenDatabase> {
  const database = await openDatabase(file);
  makeLocalTables(database.raw);
  return database;
}

export async function removeReplicaFile(file: string): Promise<void> {
  for (const name of [file, `${file}-wal`, `${file}-shm`]) await rm(name, { force: true });
}

/** Makes a new file what the registry in PostgreSQL is at one moment. @returns that, and what its rows came to */
export async function load(database: SQLite.Database, server: SharedServer) {
  const { tables } = describe(database);
  const apply = createApply(database, tables);
  const digests = new TableDigests();
  database.pragma('foreign_keys = OFF');
  database.exec('BEGIN');
  try {
    for (const { name } of tables) database.exec(`DELETE FROM "${name}"`);
    const head = await readShared(server, async (found, rows) => {
      for await (const row of rows) {
        apply({ ...row, o: 'i' });
        digests.add(row);
      }
      return found;
    });
    writeLocal(database, { registry: head.id, origin: randomUUID(), position: head.seq, mark: head.mark });
    database.exec('COMMIT');
    return { head, digests: digests.all() };
  } catch (error) {
    database.exec('ROLLBACK');
    throw error;
  } finally {
    database.pragma('foreign_keys = ON');
  }
}
