/** The tables of documents that a data folder and PostgreSQL both have, and what a row of either comes to. */
import { createHash } from 'node:crypto';
import type SQLite from 'better-sqlite3';
import { toHalf } from '../../../layouts/half-float.js';
import type { DigestedRow } from '../../../postgres/table-digests.js';
import { readContent } from '../contents.js';
import { readEmbedding } from '../embeddings.js';

type Value = string | number | null | Buffer;
/** As SQLite has a row, with its tenant. */
export type Values = Readonly<Record<string, Value>>;

export interface CopiedTable {
  readonly name: string;
  /** PostgreSQL's types by the names of columns: those of SQLite, and the tenant. */
  readonly columns: ReadonlyMap<string, string>;
  /** The column that the database numbers; null: none. */
  readonly numbered: string | null;
}

/** A column of PostgreSQL's, as `information_schema` has it. */
export interface Column {
  readonly table: string;
  readonly name: string;
  readonly type: string;
  readonly isNumbered: boolean;
}

/**
 * By whose row SQLite knows the tenant of a table's rows; null: they say it themselves. What refers to others comes behind them.
 * Besides these there are `embedders`, which a place without documents may have too, `meta`, and audit logs, which stay where they were written.
 */
const OWNERS: Readonly<Record<string, string | null>> = {
  files: null,
  stores: null,
  shelves: 'join stores owner on owner.id = one.store_id',
  shelf_groups: 'join stores owner on owner.id = one.store_id',
  store_files: null,
  batches: null,
  batch_files: 'join batches owner on owner.seq = one.batch_seq',
  passages: null,
  vectors: null,
  postings: 'join store_files owner on owner.seq = one.store_file',
  jobs: null,
};

export const COPIED: readonly string[] = Object.keys(OWNERS);

export function describeTables(columns: readonly Column[]): CopiedTable[] {
  return COPIED.map((name) => {
    const own = columns.filter(({ table }) => table === name);
    return {
      name,
      columns: new Map(own.map((column) => [column.name, column.type])),
      numbered: own.find(({ isNumbered }) => isNumbered)?.name ?? null,
    };
  });
}

/** Whether a data folder's database holds any. */
export function hasDocuments(database: SQLite.Database): boolean {
  return COPIED.some((name) => database.prepare(`select 1 from "${name}" limit 1`).get() !== undefined);
}

export function* localRows(database: SQLite.Database, { name, columns }: CopiedTable): Generator<Values> {
  const owner = OWNERS[name] ?? null;
  const wanted = [...columns.keys()].map((column) =>
    column === 'tenant' && owner !== null ? 'owner.tenant' : `one."${column}"`,
  );
  const select = `select ${wanted.join(', ')} from "${name}" one ${owner ?? ''}`;
  for (const row of database.prepare(select).iterate() as IterableIterator<Values>) {
    // Bytes that are in pieces here are one value there.
    yield name === 'files' ? { ...row, content: readContent(database, row.id as string) } : row;
  }
}

/** Writes rows into a data folder's database. */
export function localWriter(database: SQLite.Database, { name, columns }: CopiedTable): (row: Values) => void {
  const own = [...columns.keys()].filter((column) => column !== 'tenant' || OWNERS[name] === null);
  const names = own.map((column) => `"${column}"`).join(', ');
  const insert = database.prepare(`insert into "${name}" (${names}) values (${own.map(() => '?').join(', ')})`);
  return (row) => void insert.run(own.map((column) => row[column]));
}

/** What a row comes to: bytes as their SHA-256, which PostgreSQL knows too, vectors in the precision that it keeps. */
export function toDigested({ name, columns }: CopiedTable, row: Values): DigestedRow {
  const v = Object.fromEntries(
    Object.entries(row).map(([column, value]) => [
      column,
      Buffer.isBuffer(value) ? sha256Of(columns.get(column) === 'halfvec' ? halvesOf(value) : value) : value,
    ]),
  );
  return { t: name, k: '', v };
}

function halvesOf(embedding: Buffer): Uint8Array {
  return new Uint8Array(Uint16Array.from(readEmbedding(embedding), toHalf).buffer);
}

function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
