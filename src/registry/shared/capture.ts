import type SQLite from 'better-sqlite3';
import { deleted, inserted, isSum, Kind, kindOf, notedColumn, type Table, updated, type Value } from './changes.js';

export interface Capture {
  /** Whether something was captured since this was asked last. */
  wasWritten(): boolean;
  /** Runs what others did already. */
  without(job: () => void): void;
}

/**
 * Has every change of the tables written down in the transaction that makes it, whichever statement that is: by triggers of this connection
 * alone, which the file knows nothing of.
 */
export function createCapture(database: SQLite.Database, tables: readonly Table[]): Capture {
  const byName = new Map(tables.map((table) => [table.name, table]));
  let isOn = true;
  let written = false;

  database.function('is_captured', () => (isOn ? 1 : 0));
  database.function('captured', { varargs: true }, (what: unknown, name: unknown, ...values: unknown[]) => {
    written = true;
    const table = byName.get(name as string)!;
    const half = table.columns.length;
    const all = values as Value[];
    if (what === 'insert') return JSON.stringify(inserted(table, all));
    if (what === 'delete') return JSON.stringify(deleted(table, all));
    return JSON.stringify(updated(table, all.slice(0, half), all.slice(half)));
  });
  for (const table of tables) for (const trigger of triggersOf(table)) database.exec(trigger);

  return {
    wasWritten() {
      const was = written;
      written = false;
      return was;
    },
    without(job) {
      isOn = false;
      try {
        job();
      } finally {
        isOn = true;
      }
    },
  };
}

function triggersOf({ name, columns }: Table): string[] {
  const of = (row: 'OLD' | 'NEW') => columns.map((column) => `${row}."${column}"`).join(', ');
  const trigger = (what: string, on: string, kind: number, values: string) =>
    `CREATE TEMP TRIGGER captured_${name}_${what}_${kind} AFTER ${on} ON "${name}" WHEN is_captured() BEGIN
      INSERT INTO replica_outbox (kind, change) VALUES (${kind}, captured('${what}', '${name}', ${values}));
    END`;
  const noted = notedColumn(name);
  const rest = columns.filter((column) => column !== noted).map((column) => `"${column}"`);
  const update = (on: string, kind: number) => trigger('update', on, kind, `${of('OLD')}, ${of('NEW')}`);
  return [
    trigger('insert', 'INSERT', kindOf(name, true), of('NEW')),
    trigger('delete', 'DELETE', kindOf(name, false), of('OLD')),
    ...(noted === undefined
      ? [update('UPDATE', kindOf(name, isSum(name)))]
      : [update(`UPDATE OF ${rest.join(', ')}`, Kind.checked), update(`UPDATE OF "${noted}"`, Kind.record)]),
  ];
}
