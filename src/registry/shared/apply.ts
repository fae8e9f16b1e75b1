import type SQLite from 'better-sqlite3';
import { type Change, fromWire, isSum, keyValues, type Table } from './changes.js';

/** Does in SQLite what others did; the caller has the transaction. */
export type Apply = (change: Change) => void;

export function createApply(database: SQLite.Database, tables: readonly Table[]): Apply {
  const byName = new Map(tables.map((table) => [table.name, table]));
  const statements = new Map<string, SQLite.Statement>();
  const prepare = (sql: string): SQLite.Statement => {
    const statement = statements.get(sql) ?? database.prepare(sql);
    statements.set(sql, statement);
    return statement;
  };
  const isThere = (table: Table, k: string): boolean =>
    prepare(`SELECT 1 FROM "${table.name}" WHERE ${whereKey(table)}`).get(keyValues(k)) !== undefined;

  return ({ t, o, k, v = {}, parent }) => {
    const table = byName.get(t);
    if (table === undefined) throw new Error(`the table ${t} is not known`);
    const where = whereKey(table);
    const columns = Object.keys(v);
    const values = Object.values(v).map(fromWire);
    if (o === 'd') {
      prepare(`DELETE FROM "${t}" WHERE ${where}`).run(keyValues(k));
    } else if (o === 'g') {
      const [column] = columns;
      const isLess = `("${column}" IS NULL OR "${column}" < ?)`;
      prepare(`UPDATE "${t}" SET "${column}" = ? WHERE ${where} AND ${isLess}`).run(values, keyValues(k), values);
    } else if (o === 'u') {
      const set = columns.map((column) => `"${column}" = ?`).join(', ');
      prepare(`UPDATE "${t}" SET ${set} WHERE ${where}`).run(values, keyValues(k));
    } else {
      // It goes with what it belongs to, which is gone.
      if (parent !== undefined && !isThere(byName.get(parent)!, k)) return;
      const marks = columns.map(() => '?').join(', ');
      const insert = `INSERT INTO "${t}" ("${columns.join('", "')}") VALUES (${marks})${isSum(t) ? adding(table) : ''}`;
      prepare(insert).run(values);
    }
  };
}

function whereKey({ key }: Table): string {
  return key.map((column) => `"${column}" = ?`).join(' AND ') || 'TRUE';
}

function adding({ columns, key }: Table): string {
  const sums = columns.filter((column) => !key.includes(column));
  const set = sums.map((column) => `"${column}" = "${column}" + excluded."${column}"`);
  return ` ON CONFLICT ("${key.join('", "')}") DO UPDATE SET ${set.join(', ')}`;
}
