import { createHash } from 'node:crypto';
import type SQLite from 'better-sqlite3';
import { inserted, readTables, type Table, type Value } from './changes.js';
import type { Row } from './log.js';

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
