/** Documents that move: from a data folder into PostgreSQL, and back (decision 0108). */
import { randomUUID } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type SQLite from 'better-sqlite3';
import type pg from 'pg';
import { AppError } from '../../../errors/app-error.js';
import { makeFolderSync } from '../../../files/make-folder.js';
import { type DigestedRow, digestsOf, isSame, requireSame, type TableDigest } from '../../../postgres/table-digests.js';
import { verifyDatabase } from '../../../sqlite/copy.js';
import { openSqlite } from '../../../sqlite/open.js';
import { migrate } from '../migrations.js';
import { withClient } from './client.js';
import { digestedRows, insertRows, readColumns, sharedRows } from './copied-rows.js';
import {
  COPIED,
  type CopiedTable,
  describeTables,
  hasDocuments,
  localRows,
  localWriter,
  toDigested,
} from './copied-tables.js';
import { checkPostgres, findTables, migratePostgres } from './migrate.js';

/** A model that vectors are of. */
interface Embedder {
  readonly seq: number;
  readonly digest: string;
  readonly name: string;
  readonly dimensions: number;
}

export interface PushOptions {
  /** Of a role that may create extensions, schemas and roles; it owns the tables. */
  readonly ownerUrl: string;
  /** As the gateways will have it. */
  readonly url: string;
  /** Of the index of vectors, as they will have it. */
  readonly links: number;
  readonly efConstruction: number;
  /** Whether the documents go out of the data folder once they have arrived; its audit log stays. */
  readonly remove: boolean;
}

/**
 * Makes the tables, and puts the documents of a data folder, on which no gateway may be running, into them, all or nothing. What was
 * put there already, and not changed since, is compared again.
 * @returns what was compared, by table; none: the folder has no documents
 * @throws AppError `config_invalid` where there are other documents, `copy_differs`
 */
export async function pushDocuments(dataDir: string, options: PushOptions): Promise<TableDigest[]> {
  const { ownerUrl, url, remove } = options;
  const file = join(dataDir, 'documents.db');
  await migratePostgres(ownerUrl, url);
  if (!existsSync(file)) return [];
  const source = openSqlite(file);
  try {
    migrate(source);
    const digests = await withClient(ownerUrl, async (client) => {
      await findTables(client);
      await client.query('begin; set local statement_timeout = 0');
      const tables = describeTables(await readColumns(client));
      // Gateways that are running on it wait.
      await client.query(`lock table ${COPIED.join(', ')} in share row exclusive mode`);
      const sent = await digestsOf(localDigested(source, tables));
      if (sent.length === 0) return sent;
      if (await isFilled(client)) {
        if (isSame(sent, await digestsOf(sharedDigested(client, tables)))) return sent;
        throw invalid(`the database of database.url (${new URL(url).host}) has documents already. Name an empty one`);
      }
      await fill(client, source, tables, options);
      requireSame(sent, await digestsOf(sharedDigested(client, tables)));
      await client.query(`analyze ${COPIED.join(', ')}`);
      await client.query('commit');
      return sent;
    });
    if (remove) empty(source, dataDir);
    return digests;
  } finally {
    source.close();
  }
}

/**
 * Writes the documents in PostgreSQL, as they are at one moment, into a data folder that has none, all or nothing, while gateways may be
 * running on them.
 * @param url as a gateway has it
 * @returns as `pushDocuments`
 * @throws AppError `config_invalid` where there are documents, `copy_differs`
 */
export async function pullDocuments(url: string, folder: string): Promise<TableDigest[]> {
  makeFolderSync(folder, 0o700);
  const file = join(folder, 'documents.db');
  const target = openSqlite(file);
  try {
    migrate(target);
    if (hasDocuments(target)) throw invalid(`${folder} has documents already. Name a folder without`);
    return await withClient(url, async (client) => {
      await client.query('begin isolation level repeatable read read only; set local statement_timeout = 0');
      await client.query(`select set_config('app.every_tenant', 'on', true)`);
      await checkPostgres((sql, values) => client.query(sql, values));
      const tables = describeTables(await readColumns(client));
      target.exec('begin immediate');
      try {
        await pullEmbedders(client, target);
        for (const table of tables) {
          const write = localWriter(target, table);
          for await (const row of sharedRows(client, table)) write(row);
        }
        // An index that lies there was written for other rows.
        target.prepare("update meta set value = ? where key = 'database_id'").run(randomUUID());
        const arrived = await digestsOf(localDigested(target, tables));
        requireSame(await digestsOf(sharedDigested(client, tables)), arrived);
        target.exec('commit');
        verifyDatabase(file);
        return arrived;
      } catch (error) {
        if (target.inTransaction) target.exec('rollback');
        throw error;
      }
    });
  } finally {
    target.close();
  }
}

async function isFilled(client: pg.Client): Promise<boolean> {
  const some = COPIED.map((name) => `exists (select from "${name}")`);
  const { rows } = await client.query<{ filled: boolean }>(`select ${some.join(' or ')} as filled`);
  return rows[0]!.filled;
}

async function fill(
  client: pg.Client,
  source: SQLite.Database,
  tables: readonly CopiedTable[],
  { links, efConstruction }: PushOptions,
): Promise<void> {
  await pushEmbedders(client, source);
  for (const table of tables) await insertRows(client, table, localRows(source, table));
  // Built at once behind the rows it takes a fraction of the time.
  await client.query('select index_vectors(seq, dimensions, $1, $2) from embedders where dimensions > 0', [
    links,
    efConstruction,
  ]);
  // No number is ever given again, those of rows that are gone neither.
  const last = source.prepare('select seq from sqlite_sequence where name = ?').pluck();
  for (const { name, numbered } of tables) {
    const seq = numbered === null ? undefined : last.get(name);
    if (seq) await client.query('select setval(pg_get_serial_sequence($1, $2), $3)', [name, numbered, seq]);
  }
}

/** What vectors are made by: their rows have its numbers. Gateways that are running on the database keep the models that they know. */
async function pushEmbedders(client: pg.Client, source: SQLite.Database): Promise<void> {
  const { rows: known } = await client.query<Embedder>('delete from embedders returning seq, digest, name, dimensions');
  for (const { seq } of known) await client.query(`drop index if exists vectors_of_${seq}`);
  const insert = 'insert into embedders (digest, name, dimensions) values ($1, $2, $3) on conflict do nothing';
  for (const { seq, digest, name, dimensions } of embeddersOf(source)) {
    await client.query(
      'insert into embedders (seq, digest, name, dimensions) overriding system value values ($1, $2, $3, $4)',
      [seq, digest, name, dimensions],
    );
  }
  await client.query(
    `select setval(pg_get_serial_sequence('embedders', 'seq'), (select coalesce(max(seq), 0) + 1 from embedders), false)`,
  );
  for (const { digest, name, dimensions } of known) await client.query(insert, [digest, name, dimensions]);
}

async function pullEmbedders(client: pg.Client, target: SQLite.Database): Promise<void> {
  const { rows } = await client.query<Embedder>('select seq, digest, name, dimensions from embedders');
  target.exec('delete from embedders');
  const insert = target.prepare('insert into embedders (seq, digest, name, dimensions) values (?, ?, ?, ?)');
  for (const { seq, digest, name, dimensions } of rows) insert.run(seq, digest, name, dimensions);
}

function embeddersOf(source: SQLite.Database): Embedder[] {
  return source.prepare('select seq, digest, name, dimensions from embedders').all() as Embedder[];
}

function* localDigested(database: SQLite.Database, tables: readonly CopiedTable[]): Generator<DigestedRow> {
  for (const table of tables) for (const row of localRows(database, table)) yield toDigested(table, row);
}

async function* sharedDigested(client: pg.Client, tables: readonly CopiedTable[]): AsyncGenerator<DigestedRow> {
  for (const table of tables) for await (const row of digestedRows(client, table)) yield toDigested(table, row);
}

/** Takes the documents out of a data folder, and off its disk. */
function empty(database: SQLite.Database, dataDir: string): void {
  database.transaction(() => {
    for (const name of [...COPIED].reverse()) database.exec(`delete from "${name}"`);
  })();
  database.exec('vacuum');
  database.pragma('wal_checkpoint(truncate)');
  rmSync(join(dataDir, 'indexes'), { recursive: true, force: true });
}

function invalid(reason: string): AppError {
  return new AppError('config_invalid', { reason });
}
