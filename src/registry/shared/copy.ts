/** A registry that moves: from a data folder into PostgreSQL, where several gateways share it, and back. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { adoptSigningKey } from '../../audit/signing-key.js';
import { AppError } from '../../errors/app-error.js';
import { digestsOf, requireSame, type TableDigest } from '../../postgres/table-digests.js';
import { verifyDatabase } from '../../sqlite/copy.js';
import { createSharedFiles, fileRows, sharedFileRows } from './files.js';
import { adapterFolders, fill } from './fill.js';
import { load, openReplicaFile } from './load.js';
import { readLocal, START } from './local.js';
import { migrateShared, readHead, readShared } from './log.js';
import { OTHER_VERSION } from './open.js';
import { describe, rowsOf } from './rows.js';
import { SharedServer } from './server.js';

/**
 * Puts the registry of a data folder, on which no gateway may be running, into an empty database. A gateway that is started with that URL and
 * this folder then goes on where it was. What was put there already, and not changed since, is compared again.
 * @returns what was compared: rows by table, and the files of adapters
 * @throws AppError `config_invalid` where there is another registry, `copy_differs`, `registry_unavailable`
 */
export async function pushRegistry(dataDir: string, url: string): Promise<TableDigest[]> {
  const file = join(dataDir, 'registry.db');
  if (!existsSync(file))
    throw invalid(`${dataDir} has no registry. Set SWITCHYARD_DATA to the data folder of a gateway`);
  return withServer(url, async (server) => {
    const database = await openReplicaFile(file);
    const { raw } = database;
    try {
      const local = readLocal(raw);
      if (local !== undefined && local.position !== START.position) {
        throw invalid(
          `the registry in ${dataDir} is a copy of one that gateways share. Start a gateway on it once without registry.url, and it is its own`,
        );
      }
      await migrateShared(server);
      const head = await readHead(server);
      const filled = head === null ? await fill(raw, dataDir, server) : null;
      if (filled !== null) return filled;
      if (head?.id !== local?.registry) {
        throw invalid(`the database of registry.url (${new URL(url).host}) has a registry already. Name an empty one`);
      }
      const folders = adapterFolders(raw);
      const here = await digestsOf(rowsOf(raw, describe(raw).tables));
      await readShared(server, async (_head, rows) => requireSame(here, await digestsOf(rows)));
      const files = await digestsOf(fileRows(dataDir, folders));
      requireSame(files, await digestsOf(await sharedFileRows(server, folders)));
      return [...here, ...files];
    } finally {
      await database.close();
    }
  });
}

/**
 * Writes the registry in PostgreSQL, as it is at one moment, with all adapters into an empty folder, while gateways may be running on it.
 * @returns as `pushRegistry`
 * @throws AppError `config_invalid` where there is none, `copy_differs`, `registry_unavailable`
 */
export async function pullRegistry(url: string, folder: string): Promise<TableDigest[]> {
  const file = join(folder, 'registry.db');
  return withServer(url, async (server) => {
    const found = await readHead(server);
    if (found === null) throw invalid(`the database of registry.url (${new URL(url).host}) has no registry`);
    const database = await openReplicaFile(file);
    const { raw } = database;
    try {
      const { tables, shape } = describe(raw);
      if (found.tables !== shape) throw invalid(OTHER_VERSION);
      const { head, digests } = await load(raw, server);
      requireSame(digests, await digestsOf(rowsOf(raw, tables)));
      adoptSigningKey(folder, head.auditKey);
      const folders = adapterFolders(raw);
      const shared = createSharedFiles(folder, server);
      for (const one of folders) await shared.get(one);
      const files = await digestsOf(fileRows(folder, folders));
      requireSame(await digestsOf(await sharedFileRows(server, folders)), files);
      verifyDatabase(file);
      return [...digests, ...files];
    } finally {
      await database.close();
    }
  });
}

async function withServer<T>(url: string, job: (server: SharedServer) => Promise<T>): Promise<T> {
  const server = new SharedServer(url);
  try {
    return await job(server);
  } finally {
    await server.close();
  }
}

function invalid(reason: string): AppError {
  return new AppError('config_invalid', { reason });
}
