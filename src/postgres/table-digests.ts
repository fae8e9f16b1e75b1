/** What shows that rows arrived as they were: here and in PostgreSQL the same numbers and sums. */
import { createHash } from 'node:crypto';
import { AppError } from '../errors/app-error.js';

/** A row, wherever it is. */
export interface DigestedRow {
  /** The table. */
  readonly t: string;
  /** The values of its key, as JSON; empty where they are among the others. */
  readonly k: string;
  readonly v: Readonly<Record<string, unknown>>;
}

/** What the rows of a table come to. */
export interface TableDigest {
  readonly table: string;
  readonly rows: number;
  /** The sum of the SHA-256 of every row, hex: in whatever order they are read. */
  readonly digest: string;
}

const MODULUS = 1n << 256n;

export class TableDigests {
  readonly #tables = new Map<string, { rows: number; sum: bigint }>();

  add({ t, k, v }: DigestedRow): void {
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

export async function digestsOf(rows: Iterable<DigestedRow> | AsyncIterable<DigestedRow>): Promise<TableDigest[]> {
  const digests = new TableDigests();
  for await (const row of rows) digests.add(row);
  return digests.all();
}

export function isSame(original: readonly TableDigest[], copy: readonly TableDigest[]): boolean {
  return differing(original, copy).length === 0;
}

/** @throws AppError `copy_differs` unless a copy is what it was made from */
export function requireSame(original: readonly TableDigest[], copy: readonly TableDigest[]): void {
  const tables = differing(original, copy);
  if (tables.length > 0) throw new AppError('copy_differs', { tables: tables.join(', ') });
}

function differing(original: readonly TableDigest[], copy: readonly TableDigest[]): string[] {
  const lines = (of: readonly TableDigest[]) => of.map((one) => JSON.stringify(one));
  const [before, after] = [lines(original), lines(copy)];
  const others = [
    ...original.filter((_, i) => !after.includes(before[i]!)),
    ...copy.filter((_, i) => !before.includes(after[i]!)),
  ];
  return [...new Set(others.map(({ table }) => table))];
}
