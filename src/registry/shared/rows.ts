import { createHash } from 'node:crypto';
import type SQLite from 'better-sqlite3';
import { AppError } from '../../errors/app-error.js';
import { inserted, readTables, type Table, type Value } from './changes.js';
import type { Row } from './log.js';

/** What the rows of a table come to, wherever they are. */
export interface TableDigest {
  readonly table: string;
  readonly rows: number;
  /** The sum of the SHA-256 of every row, hex: in whatever order they are read. */
  readonly digest: string;
}

const MODULUS = 1n << 256n;

/** Which tables there are, and a name for what they look like. */
export function describe(database: SQLite.Database): { readonly tables: Table[]; readonly shape: string } {
  const steps = database.prepare('SELECT name FROM kysely_migration ORDER BY name').pluck().all();
  const shape = createHash('sha256').update(JSON.stringify(steps)).digest('hex').slice(0, 16);
  return { tables: readTables(database), shape };
}

/** All that are shared. */
export function* rowsOf(database: SQLite.Database, tables: readonly Table[]): Generator<Row> {
  for (const table of tables) {
    const columns = table.columns.map((column) => `"${column}"`).join(', ');
    const rows = database.prepare(`SELECT ${columns} FROM "${table.name}"`).raw().iterate();
    for (const values of rows) {
      const { t, k, v } = inserted(table, values as Value[]);
      yield { t, k, v: v! };
    }
  }
}

export class TableDigests {
  readonly #tables = new Map<string, { rows: number; sum: bigint }>();

  add({ t, k, v }: Row): void {
    const table = this.#tables.get(t) ?? { rows: 0, sum: 0n };
    this.#tables.set(t, table);
    // PostgreSQL has the columns in another order.
    const values = Object.keys(v)
      .sort()
      .map((column) => [column, v[column]]);
    const hash = createHash('sha256').update(JSON.stringify([k, values]));
    table.rows += 1;
    table.sum = (table.sum + BigInt(`0x${hash.digest('hex')}`)) % MODULUS;
  }

  /** Of tables that have rows, by their names. */
  all(): TableDigest[] {
    return [...this.#tables]
      .map(([table, { rows, sum }]) => ({ table, rows, digest: sum.toString(16).padStart(64, '0') }))
      .sort((a, b) => (a.table < b.table ? -1 : 1));
  }
}

export async function digestsOf(rows: Iterable<Row> | AsyncIterable<Row>): Promise<TableDigest[]> {
  const digests = new TableDigests();
  for await (const row of rows) digests.add(row);
  return digests.all();
}

/** @throws AppError `registry_differs` unless a copy is what it was made from */
export function requireSame(original: readonly TableDigest[], copy: readonly TableDigest[]): void {
  const lines = (of: readonly TableDigest[]) => of.map((one) => JSON.stringify(one));
  const [before, after] = [lines(original), lines(copy)];
  const others = [
    ...original.filter((_, i) => !after.includes(before[i]!)),
    ...copy.filter((_, i) => !before.includes(after[i]!)),
  ];
  if (others.length === 0) return;
  throw new AppError('registry_differs', { tables: [...new Set(others.map(({ table }) => table))].join(', ') });
}
