import { randomUUID } from 'node:crypto';
import { dirname } from 'node:path';
import type SQLite from 'better-sqlite3';
import { readSigningKey } from '../../audit/signing-key.js';
import { digestsOf, requireSame, type TableDigest } from '../../postgres/table-digests.js';
import { createSharedFiles, fileRows, sharedFileRows } from './files.js';
import { readLocal, START, writeLocal } from './local.js';
import { fillShared } from './log.js';
import { describe, rowsOf } from './rows.js';
import type { SharedServer } from './server.js';

/** Folders of the compiled adapters that a registry names. */
export function adapterFolders(database: SQLite.Database): string[] {
  const files = database.prepare('SELECT DISTINCT compiled_file FROM adapters ORDER BY 1').pluck().all() as string[];
  return files.map(dirname);
}

/**
 * Puts the registry of a data folder where none is, all or nothing, and compares what arrived with what was sent.
 * @returns what that came to; null: somebody else's is there
 * @throws AppError `copy_differs`
 */
export async function fill(
  database: SQLite.Database,
  dataDir: string,
  server: SharedServer,
): Promise<TableDigest[] | null> {
  const { tables, shape } = describe(database);
  const local = readLocal(database);
  const registry = local?.registry ?? randomUUID();
  writeLocal(database, { registry, origin: local?.origin ?? randomUUID(), ...START });
  // Before anybody sees the versions that name them.
  const folders = adapterFolders(database);
  const files = createSharedFiles(dataDir, server);
  for (const folder of folders) await files.put(folder);
  const sent = await digestsOf(rowsOf(database, tables));
  const sentFiles = await digestsOf(fileRows(dataDir, folders));
  requireSame(sentFiles, await digestsOf(await sharedFileRows(server, folders)));
  const head = { id: registry, tables: shape, auditKey: readSigningKey(dataDir) };
  const check = async (arrived: Parameters<typeof digestsOf>[0]) => requireSame(sent, await digestsOf(arrived));
  return (await fillShared(server, head, rowsOf(database, tables), check)) ? [...sent, ...sentFiles] : null;
}
