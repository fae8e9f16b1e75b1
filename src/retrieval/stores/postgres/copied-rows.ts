/** Rows of documents on their way into PostgreSQL and out of it: as many at once as a little memory holds. */
import type pg from 'pg';
import { bytesOf, literalOf, readEmbedding } from '../embeddings.js';
import type { Column, CopiedTable, Values } from './copied-tables.js';
import { SCHEMA } from './migrate.js';

const ROWS = 500;
const LOT_BYTES = 4 * 1024 * 1024;
/** Of a file's bytes, which come as text of twice their length. */
const PART_BYTES = 8 * 1024 * 1024;

export async function readColumns(client: pg.Client): Promise<Column[]> {
  const { rows } = await client.query<Column>(
    `select table_name as "table", column_name as name, udt_name as type, is_identity = 'YES' as "isNumbered"
     from information_schema.columns where table_schema = $1 order by ordinal_position`,
    [SCHEMA],
  );
  return rows;
}

/** @param rows as SQLite has them */
export async function insertRows(client: pg.Client, table: CopiedTable, rows: Iterable<Values>): Promise<void> {
  const names = [...table.columns.keys()];
  const columns = names.map((name) => `"${name}"`).join(', ');
  for (const lot of lotsOf(rows)) {
    const places = lot.map((_, row) => `(${names.map((_, i) => `$${row * names.length + i + 1}`).join(', ')})`);
    const values = lot.flatMap((row) =>
      names.map((name) =>
        table.columns.get(name) === 'halfvec' ? literalOf(readEmbedding(row[name] as Buffer)) : row[name],
      ),
    );
    await client.query(
      `insert into "${table.name}" (${columns}) overriding system value values ${places.join(', ')}`,
      values,
    );
  }
}

/** Within a transaction. Bytes come as their SHA-256 by the server's own reckoning: what `toDigested` makes of them. */
export function digestedRows(client: pg.Client, table: CopiedTable): AsyncGenerator<Values> {
  return read(client, table, (name) => `encode(sha256("${name}"), 'hex') as "${name}"`);
}

/** Within a transaction, as SQLite has them. */
export async function* sharedRows(client: pg.Client, table: CopiedTable): AsyncGenerator<Values> {
  // One of them may be larger than what a text holds.
  if (table.name !== 'files') return yield* read(client, table, (name) => `"${name}"`);
  for await (const row of read(client, table, (name) => `length("${name}") as "${name}"`)) {
    yield { ...row, content: await contentOf(client, row.id as string, row.content as number) };
  }
}

/** @param select what is asked for in place of a column of bytes */
async function* read(
  client: pg.Client,
  { name, columns }: CopiedTable,
  select: (column: string) => string,
): AsyncGenerator<Values> {
  const wanted = [...columns].map(([column, type]) => (type === 'bytea' ? select(column) : `"${column}"`));
  const vectors = [...columns].filter(([, type]) => type === 'halfvec').map(([column]) => column);
  await client.query(`declare "rows of ${name}" no scroll cursor for select ${wanted.join(', ')} from "${name}"`);
  for (let left = true; left; ) {
    const { rows } = await client.query<Record<string, Values[string]>>(`fetch ${ROWS} from "rows of ${name}"`);
    for (const row of rows) {
      for (const column of vectors) row[column] = bytesOf(readEmbedding(row[column] as string));
      yield row;
    }
    left = rows.length === ROWS;
  }
  await client.query(`close "rows of ${name}"`);
}

async function contentOf(client: pg.Client, id: string, bytes: number): Promise<Buffer> {
  const content = Buffer.allocUnsafe(bytes);
  for (let from = 0; from < bytes; from += PART_BYTES) {
    const { rows } = await client.query<{ part: Buffer }>(
      'select substring(content from $2::int for $3::int) as part from files where id = $1',
      [id, from + 1, PART_BYTES],
    );
    rows[0]!.part.copy(content, from);
  }
  return content;
}

function* lotsOf(rows: Iterable<Values>): Generator<Values[]> {
  let lot: Values[] = [];
  let bytes = 0;
  for (const row of rows) {
    lot.push(row);
    for (const value of Object.values(row)) bytes += typeof value === 'number' ? 8 : (value?.length ?? 0);
    if (lot.length < ROWS && bytes < LOT_BYTES) continue;
    yield lot;
    [lot, bytes] = [[], 0];
  }
  if (lot.length > 0) yield lot;
}
