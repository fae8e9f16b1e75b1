import type SQLite from 'better-sqlite3';
import type { OpenDatabase } from '../database.js';
import { type Change, Kind } from './changes.js';
import { appendEntry, type NewEntry } from './log.js';
import type { SharedServer } from './server.js';

/** A change that waits to be sent. */
export interface Captured {
  readonly n: number;
  readonly kind: number;
  /** null: the row was written as it was. */
  readonly change: Change | null;
}

/** Who sends. */
export type Sender = Pick<NewEntry, 'registry' | 'origin' | 'tables'>;

/** Records that go in one entry of the log. */
const GROUP = 500;

/** The oldest first. */
export function readOutbox(database: SQLite.Database, limit: number): Captured[] {
  const rows = database.prepare('SELECT n, kind, change FROM replica_outbox ORDER BY n LIMIT ?').all(limit);
  return (rows as { n: number; kind: number; change: string }[]).map(({ change, ...row }) => ({
    ...row,
    change: JSON.parse(change),
  }));
}

/** Those up to this one arrived. */
export function emptyOutbox(database: SQLite.Database, n: number): void {
  database.prepare('DELETE FROM replica_outbox WHERE n <= ?').run(n);
}

export function changesOf(rows: readonly Captured[]): Change[] {
  return rows.flatMap(({ n, kind, change }) => {
    if (change === null) return [];
    return [kind === Kind.record ? { ...change, n } : change];
  });
}

/** Sends all records that wait, each once however often it is tried. */
export async function sendRecords(database: OpenDatabase, server: SharedServer, sender: Sender): Promise<void> {
  for (;;) {
    const rows = await database.alone(() => readOutbox(database.raw, GROUP));
    const last = rows.at(-1);
    if (last === undefined) return;
    const behind = { known: null, isChecked: false, isUrgent: false };
    await appendEntry(server, { ...sender, ...behind, changes: changesOf(rows) });
    await database.alone(() => emptyOutbox(database.raw, last.n));
  }
}
