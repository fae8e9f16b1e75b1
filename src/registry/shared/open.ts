import { createHash, randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type SQLite from 'better-sqlite3';
import { adoptSigningKey, readSigningKey } from '../../audit/signing-key.js';
import { AppError } from '../../errors/app-error.js';
import { type OpenDatabase, openDatabase } from '../database.js';
import { createApply } from './apply.js';
import { inserted, readTables, type Table, type Value } from './changes.js';
import { createSharedFiles } from './files.js';
import { lastRecord, makeLocalTables, readLocal, writeLocal } from './local.js';
import { fillShared, type Head, migrateShared, type Row, readHead, readShared, recordsOf } from './log.js';
import { sendRecords } from './outbox.js';
import { Replica, type ReplicaOptions } from './replica.js';
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
      for (const name of [file, `${file}-wal`, `${file}-shm`]) await rm(name, { force: true });
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

async function openReplicaFile(file: string): Promise<OpenDatabase> {
  const database = await openDatabase(file);
  makeLocalTables(database.raw);
  return database;
}

async function stateOf(database: OpenDatabase, dataDir: string, server: SharedServer, url: string): Promise<State> {
  const { raw } = database;
  const local = readLocal(raw);
  const { tables, shape } = describe(raw);
  let head: Head | null;
  try {
    await migrateShared(server);
    head = await readHead(server);
    if (head === null) {
      if (local !== undefined && local.position > 0) throw foreign(url);
      const registry = local?.registry ?? randomUUID();
      writeLocal(raw, { registry, origin: local?.origin ?? randomUUID(), position: 0 });
      const auditKey = readSigningKey(dataDir);
      const made = { id: registry, seq: 0, trimmed: 0, tables: shape, auditKey };
      // Before anybody sees the versions that name them.
      const files = createSharedFiles(dataDir, server);
      const folders = raw.prepare('SELECT DISTINCT compiled_file FROM adapters').pluck().all() as string[];
      for (const compiled of folders) await files.put(dirname(compiled));
      if (await fillShared(server, made, rowsOf(raw, tables))) return 'usable';
      head = (await readHead(server))!;
    }
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'registry_unavailable') throw error;
    if (local !== undefined && local.position > 0) return 'usable';
    throw invalid(`PostgreSQL at ${new URL(url).host} cannot be used: ${error.params.reason}`);
  }
  if (head.tables !== shape) {
    throw invalid(
      'the registry of registry.url was written by another version of Switchyard. All gateways that share one run the same version',
    );
  }
  const isOwn = local?.registry === head.id;
  if (!isOwn && raw.prepare('SELECT 1 FROM tenants').get() !== undefined) throw foreign(url);
  adoptSigningKey(dataDir, head.auditKey);
  if (!isOwn) return 'stale';
  const sent = await recordsOf(server, local.origin);
  const isWhole = local.position >= head.trimmed && local.position <= head.seq && sent <= lastRecord(raw);
  if (!isWhole) await sendRecords(database, server, { ...local, tables: shape });
  return isWhole ? 'usable' : 'stale';
}

/** Makes a new file what the registry in PostgreSQL is. */
async function load(database: SQLite.Database, server: SharedServer): Promise<void> {
  const { tables } = describe(database);
  const apply = createApply(database, tables);
  database.pragma('foreign_keys = OFF');
  database.exec('BEGIN');
  try {
    for (const { name } of tables) database.exec(`DELETE FROM "${name}"`);
    await readShared(server, async ({ id, seq }, rows) => {
      for await (const { t, k, v } of rows) apply({ t, o: 'i', k, v });
      writeLocal(database, { registry: id, origin: randomUUID(), position: seq });
    });
    database.exec('COMMIT');
  } catch (error) {
    database.exec('ROLLBACK');
    throw error;
  } finally {
    database.pragma('foreign_keys = ON');
  }
}

/** Which tables there are, and a name for what they look like. */
function describe(database: SQLite.Database): { readonly tables: Table[]; readonly shape: string } {
  const steps = database.prepare('SELECT name FROM kysely_migration ORDER BY name').pluck().all();
  const shape = createHash('sha256').update(JSON.stringify(steps)).digest('hex').slice(0, 16);
  return { tables: readTables(database), shape };
}

function* rowsOf(database: SQLite.Database, tables: readonly Table[]): Generator<Row> {
  for (const table of tables) {
    const columns = table.columns.map((column) => `"${column}"`).join(', ');
    const rows = database.prepare(`SELECT ${columns} FROM "${table.name}"`).raw().iterate();
    for (const values of rows) {
      const { t, k, v } = inserted(table, values as Value[]);
      yield { t, k, v: v! };
    }
  }
}

function foreign(url: string): AppError {
  return invalid(
    `the data folder has a registry that is not the one of registry.url (${new URL(url).host}). Set dataDir to an empty folder, or registry.url to an empty database, which then gets what is in the folder`,
  );
}

function invalid(reason: string): AppError {
  return new AppError('config_invalid', { reason });
}
