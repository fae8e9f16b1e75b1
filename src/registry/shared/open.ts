import { dirname } from 'node:path';
import { adoptSigningKey } from '../../audit/signing-key.js';
import { AppError } from '../../errors/app-error.js';
import type { OpenDatabase } from '../database.js';
import { fill } from './fill.js';
import { load, openReplicaFile, removeReplicaFile } from './load.js';
import { lastRecord, readLocal } from './local.js';
import { entriesAfter, type Head, migrateShared, readHead, recordsOf } from './log.js';
import { sendRecords } from './outbox.js';
import { Replica, type ReplicaOptions } from './replica.js';
import { describe } from './rows.js';
import { SharedServer } from './server.js';

export interface Shared {
  readonly database: OpenDatabase;
  readonly server: SharedServer;
  readonly replica: Replica;
}

export interface SharedOptions extends Pick<ReplicaOptions, 'clock' | 'onChanged' | 'onError'> {
  /** `registry.db` */
  readonly file: string;
  /** Of PostgreSQL. */
  readonly url: string;
}

export const OTHER_VERSION =
  'the registry of registry.url was written by another version of Switchyard. All gateways that share one run the same version';

/** `stale`: what is in PostgreSQL has to be read anew. */
type State = 'usable' | 'stale';

/**
 * Opens a data folder's registry as a replica of the one in PostgreSQL. Where there is none yet, what is in the folder becomes it; a folder
 * without tenants gets what is there. A replica that is no good any more is made anew, after its last records were sent. One that is good
 * opens without PostgreSQL, too.
 * @throws AppError `config_invalid` where the folder has a registry of its own, or another version of the product wrote the shared one
 */
export async function openShared({ file, url, ...options }: SharedOptions): Promise<Shared> {
  const server = new SharedServer(url);
  let database = await openReplicaFile(file);
  try {
    if ((await stateOf(database, dirname(file), server, url)) === 'stale') {
      await database.close();
      await removeReplicaFile(file);
      database = await openReplicaFile(file);
      await load(database.raw, server);
    }
    const replica = new Replica({ ...options, ...describe(database.raw), database, server });
    if (server.trouble === null) await replica.catchUp();
    return { database, server, replica };
  } catch (error) {
    await server.close();
    await database.close();
    throw error;
  }
}

async function stateOf(database: OpenDatabase, dataDir: string, server: SharedServer, url: string): Promise<State> {
  const { raw } = database;
  const local = readLocal(raw);
  const { shape } = describe(raw);
  let head: Head | null;
  try {
    await migrateShared(server);
    head = await readHead(server);
    if (head === null) {
      if (local !== undefined && local.position > 0) throw foreign(url);
      if ((await fill(raw, dataDir, server)) !== null) return 'usable';
      head = (await readHead(server))!;
    }
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'registry_unavailable') throw error;
    if (local !== undefined && local.position > 0) return 'usable';
    throw invalid(`PostgreSQL at ${new URL(url).host} cannot be used: ${error.params.reason}`);
  }
  if (head.tables !== shape) throw invalid(OTHER_VERSION);
  const isOwn = local?.registry === head.id;
  if (!isOwn && raw.prepare('SELECT 1 FROM tenants').get() !== undefined) throw foreign(url);
  adoptSigningKey(dataDir, head.auditKey);
  if (!isOwn) return 'stale';
  const sent = await recordsOf(server, local.origin);
  const isWhole = sent <= lastRecord(raw) && (await entriesAfter(server, local)) !== null;
  if (!isWhole) await sendRecords(database, server, { ...local, tables: shape });
  return isWhole ? 'usable' : 'stale';
}

function foreign(url: string): AppError {
  return invalid(
    `the data folder has a registry that is not the one of registry.url (${new URL(url).host}). Set dataDir to an empty folder, or registry.url to an empty database, which then gets what is in the folder`,
  );
}

function invalid(reason: string): AppError {
  return new AppError('config_invalid', { reason });
}
