import type SQLite from 'better-sqlite3';

export type Value = string | number | null | Buffer;
/** A value in JSON. What it has no form for, or PostgreSQL none, is base64. */
type Wire = string | number | null | { readonly bytes: string } | { readonly text: string };

/** What became of one row. */
export interface Change {
  /** The table. */
  readonly t: string;
  /** Inserted, updated, deleted, added to what there is, or updated where that is less. */
  readonly o: 'i' | 'u' | 'd' | 'a' | 'g';
  /** The values of its key, as a JSON array. */
  readonly k: string;
  /** All columns of a row that is new; those of an update that are others now. */
  readonly v?: Readonly<Record<string, Wire>>;
  /** Without a row of this table that has the same key it is not kept. */
  readonly parent?: string;
  /** Where the row of this table with the same key goes too. */
  readonly child?: string;
  /** Its number among the records of its gateway; the others stand or fall with their transaction. */
  readonly n?: number;
}

/** How a change reaches the others. */
export const Kind = {
  /** Behind the answer that it is a record of, in groups. */
  record: 0,
  /** Before it is acknowledged. */
  whole: 1,
  /** Before it is acknowledged, and only where nothing else was changed since it was decided. */
  checked: 2,
} as const;

export interface Table {
  readonly name: string;
  readonly columns: readonly string[];
  readonly key: readonly string[];
}

/** Everything else of the file is its own. */
const LOCAL = /^(sqlite_|kysely_|replica)/;
/** What is kept of every answer. Their ids are new everywhere, and nothing that is decided depends on the newest of them. */
const RECORDS = new Set(['answers', 'answer_signals', 'usage']);
/** Rows that each gateway adds to: what they hold besides their key is sums. */
const SUMS = new Set(['usage']);
/** Rows with ids that nobody else has. */
const UNIQUE = new Set(['responses']);
const PARENTS: Readonly<Record<string, string>> = { answer_signals: 'answers' };
const CHILDREN: Readonly<Record<string, string>> = { answers: 'answer_signals' };
/** A number that every gateway writes on its own, whatever the rest of the row says: the greatest stays. */
const NOTED: Readonly<Record<string, string>> = { keys: 'last_used_at' };

export const kindOf = (table: string, isNew: boolean): number => {
  if (!isNew) return Kind.checked;
  if (RECORDS.has(table)) return Kind.record;
  return UNIQUE.has(table) ? Kind.whole : Kind.checked;
};
export const isSum = (table: string): boolean => SUMS.has(table);
export const notedColumn = (table: string): string | undefined => NOTED[table];

export function readTables(database: SQLite.Database): Table[] {
  const names = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").pluck().all();
  return (names as string[])
    .filter((name) => !LOCAL.test(name))
    .map((name) => {
      const columns = database.pragma(`table_info(${name})`) as { name: string; pk: number }[];
      const key = columns.filter(({ pk }) => pk > 0).sort((a, b) => a.pk - b.pk);
      return { name, columns: columns.map((column) => column.name), key: key.map((column) => column.name) };
    });
}

/** A row that is new, or more of one that holds sums. */
export function inserted({ name, columns, key }: Table, values: readonly Value[]): Change {
  const parent = PARENTS[name];
  const v = Object.fromEntries(columns.map((column, i) => [column, toWire(values[i]!)]));
  return { t: name, o: isSum(name) ? 'a' : 'i', k: keyOf(key, v), v, ...(parent && { parent }) };
}

/** null: it is as it was. */
export function updated({ name, columns, key }: Table, old: readonly Value[], values: readonly Value[]): Change | null {
  const before = Object.fromEntries(columns.map((column, i) => [column, toWire(old[i]!)]));
  if (isSum(name)) {
    const more = columns.map((column, i) => (key.includes(column) ? values[i]! : Number(values[i]) - Number(old[i])));
    return inserted({ name, columns, key }, more);
  }
  const others = columns.filter((_, i) => !isSame(old[i]!, values[i]!));
  if (others.length === 0) return null;
  if (others.some((column) => key.includes(column))) throw new Error(`a key of ${name} is changed`);
  const v = Object.fromEntries(others.map((column) => [column, toWire(values[columns.indexOf(column)]!)]));
  const isNoted = others.length === 1 && others[0] === NOTED[name];
  return { t: name, o: isNoted ? 'g' : 'u', k: keyOf(key, before), v };
}

export function deleted({ name, columns, key }: Table, old: readonly Value[]): Change {
  const child = CHILDREN[name];
  const before = Object.fromEntries(columns.map((column, i) => [column, toWire(old[i]!)]));
  return { t: name, o: 'd', k: keyOf(key, before), ...(child && { child }) };
}

export function fromWire(value: Wire): Value {
  if (value === null || typeof value !== 'object') return value;
  return 'bytes' in value ? Buffer.from(value.bytes, 'base64') : Buffer.from(value.text, 'base64').toString();
}

export function keyValues(k: string): Value[] {
  return (JSON.parse(k) as Wire[]).map(fromWire);
}

function toWire(value: Value): Wire {
  if (Buffer.isBuffer(value)) return { bytes: value.toString('base64') };
  if (typeof value === 'string' && value.includes('\0')) return { text: Buffer.from(value).toString('base64') };
  return value;
}

function keyOf(key: readonly string[], row: Readonly<Record<string, Wire>>): string {
  return JSON.stringify(key.map((column) => row[column]));
}

function isSame(a: Value, b: Value): boolean {
  return Buffer.isBuffer(a) && Buffer.isBuffer(b) ? a.equals(b) : a === b;
}
