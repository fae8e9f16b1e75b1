import type pg from 'pg';
import { AppError } from '../../errors/app-error.js';
import type { Change } from './changes.js';
import { type Position, START } from './local.js';
import { SCHEMA, STEPS } from './schema.js';
import { REPLACED, type SharedServer, unavailable } from './server.js';

export interface Entry {
  readonly seq: number;
  /** No other entry has it, whatever became of the server. */
  readonly mark: string;
  /** The replica that added it. */
  readonly origin: string;
  readonly changes: readonly Change[];
}

export interface Head {
  /** Which registry this is. */
  readonly id: string;
  /** Of the last entry. */
  readonly seq: number;
  readonly mark: string;
  /** What the tables of SQLite look like whose rows these are. */
  readonly tables: string;
  /** Of the audit log, as PEM. */
  readonly auditKey: string;
}

export interface NewEntry {
  readonly registry: string;
  readonly origin: string;
  readonly tables: string;
  /** The last entry that the caller has; null: it does not ask for others'. */
  readonly known: Position | null;
  /** Added only where no entry that was checked itself came behind `known`. */
  readonly isChecked: boolean;
  /** The others are told at once. */
  readonly isUrgent: boolean;
  readonly changes: readonly Change[];
}

export interface Row {
  readonly t: string;
  readonly k: string;
  readonly v: NonNullable<Change['v']>;
}

const PAGE = 2000;
const MOST_ENTRIES = 200;
const HEAD = `select id, seq::float8 as seq, mark, tables, audit_key as "auditKey" from ${SCHEMA}.head`;
/** Two that make tables, or fill them, follow one another. */
const LOCK = `select pg_advisory_xact_lock(hashtextextended('${SCHEMA}', 0))`;

/** Creates the tables where they are missing. @throws AppError `config_invalid` where a newer version made others */
export function migrateShared(server: SharedServer): Promise<void> {
  return server.bulk(async (client) => {
    await client.query(LOCK);
    if (!(await isThere((sql, values) => client.query(sql, values), 'meta'))) {
      await client.query(`create schema if not exists ${SCHEMA}; create table ${SCHEMA}.meta (step int not null)`);
    }
    const { rows } = await client.query<{ step: number }>(`select coalesce(max(step), 0) as step from ${SCHEMA}.meta`);
    const { step } = rows[0]!;
    if (step > STEPS.length) {
      const reason = `the registry of registry.url was written by a newer version (schema ${step}, this one knows ${STEPS.length})`;
      throw new AppError('config_invalid', { reason });
    }
    await client.query(`set local search_path = ${SCHEMA}`);
    for (let next = step; next < STEPS.length; next++) {
      await client.query(STEPS[next]!);
      await client.query('insert into meta values ($1)', [next + 1]);
    }
  });
}

/** null: nobody has put a registry there yet. */
export async function readHead(server: SharedServer): Promise<Head | null> {
  if (!(await isThere((sql, values) => server.query(sql, values), 'head'))) return null;
  return (await server.query<Head>(HEAD)).rows[0] ?? null;
}

/** How many records of a replica arrived. */
export async function recordsOf(server: SharedServer, origin: string): Promise<number> {
  const sql = `select records::float8 as records from ${SCHEMA}.origins where origin = $1`;
  return (await server.query<{ records: number }>(sql, [origin])).rows[0]?.records ?? 0;
}

/** The next entries behind one; null: the log does not have it, or not all that followed. */
export async function entriesAfter(server: SharedServer, { position, mark }: Position): Promise<Entry[] | null> {
  const { rows } = await server.query<Entry>(
    `select seq::float8 as seq, mark, origin, case when seq > $1 then changes end as changes
     from ${SCHEMA}.log where seq >= $1 order by seq limit ${MOST_ENTRIES}`,
    [position],
  );
  const [first, ...others] = rows;
  if (position === START.position) return first === undefined || first.seq === 1 ? rows : null;
  return first?.seq === position && first.mark === mark ? others : null;
}

/** The entries that the caller lacks, and its own; null: something else was changed before, and nothing was added. */
export async function appendEntry(server: SharedServer, entry: NewEntry) {
  const { registry, origin, tables, known, isChecked, isUrgent, changes } = entry;
  const { rows } = await server.query<Entry>(
    `select seq::float8 as seq, mark, origin, changes from ${SCHEMA}.append($1, $2, $3, $4, $5, $6, $7, $8)`,
    [registry, origin, tables, known?.position, known?.mark, isChecked, isUrgent, JSON.stringify(changes)],
  );
  const { seq, mark } = rows.at(-1)! as Entry | { seq: null; mark: null };
  return seq === null ? null : { missed: rows.slice(0, -1), position: seq, mark };
}

/**
 * Puts a registry where none is, without an entry in the log.
 * @param check is given the rows as they are there then; what it throws undoes it all
 * @returns whether it was this one
 */
export function fillShared(
  server: SharedServer,
  { id, tables, auditKey }: Pick<Head, 'id' | 'tables' | 'auditKey'>,
  rows: Iterable<Row>,
  check: (rows: AsyncIterable<Row>) => Promise<void>,
): Promise<boolean> {
  return server.bulk(async (client) => {
    await client.query(LOCK);
    if ((await client.query(HEAD)).rowCount !== 0) return false;
    const values = [id, START.position, START.mark, tables, auditKey];
    await client.query(`insert into ${SCHEMA}.head values (true, $1, $2, $3, 0, 0, $4, $5)`, values);
    const insert = `insert into ${SCHEMA}.state select r->>'t', r->>'k', r->'v' from jsonb_array_elements($1) r`;
    for (const page of pagesOf(rows)) await client.query(insert, [JSON.stringify(page)]);
    await check(readRows(client));
    return true;
  });
}

/** All rows as they are at one moment, which the head that is given tells. */
export function readShared<T>(
  server: SharedServer,
  read: (head: Head, rows: AsyncIterable<Row>) => Promise<T>,
): Promise<T> {
  return server.bulk(async (client) => {
    await client.query('set transaction isolation level repeatable read read only');
    const [head] = (await client.query<Head>(HEAD)).rows;
    if (head === undefined) throw unavailable(REPLACED);
    return read(head, readRows(client));
  });
}

/** Forgets entries that every gateway had the time to read; never the last one, by which a replica is known to be one. */
export async function trimLog(server: SharedServer, hours: number): Promise<void> {
  await server.query(
    `with gone as (delete from ${SCHEMA}.log where at < now() - make_interval(hours => $1) and seq < (select seq from ${SCHEMA}.head) returning seq)
     update ${SCHEMA}.head set trimmed = (select max(seq) from gone) where exists (select 1 from gone)`,
    [hours],
  );
}

type Query = (sql: string, values: string[]) => Promise<{ readonly rows: readonly unknown[] }>;

async function isThere(query: Query, table: string): Promise<boolean> {
  const { rows } = await query('select to_regclass($1) is not null as there', [`${SCHEMA}.${table}`]);
  return (rows[0] as { there: boolean }).there;
}

function* pagesOf<T>(items: Iterable<T>): Generator<T[]> {
  let page: T[] = [];
  for (const item of items) {
    page.push(item);
    if (page.length < PAGE) continue;
    yield page;
    page = [];
  }
  if (page.length > 0) yield page;
}

async function* readRows(client: pg.Client): AsyncGenerator<Row> {
  for (let [t, k] = ['', '']; ; ) {
    const { rows } = await client.query<Row>(
      `select tbl as t, key as k, content as v from ${SCHEMA}.state where (tbl, key) > ($1, $2) order by tbl, key limit ${PAGE}`,
      [t, k],
    );
    yield* rows;
    if (rows.length < PAGE) return;
    ({ t, k } = rows.at(-1)!);
  }
}
