import type SQLite from 'better-sqlite3';

/** An entry of the log: the last one that is in a replica. */
export interface Position {
  /** 0: none is. */
  readonly position: number;
  readonly mark: string;
}

/** What a file of SQLite is a replica of. */
export interface Local extends Position {
  readonly registry: string;
  /** Of all replicas there ever were. */
  readonly origin: string;
}

/** Before the first entry. */
export const START: Position = { position: 0, mark: '00000000-0000-0000-0000-000000000000' };

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS replica (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    registry TEXT NOT NULL,
    origin TEXT NOT NULL,
    position INTEGER NOT NULL,
    mark TEXT NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS replica_outbox (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    kind INTEGER NOT NULL,
    change TEXT NOT NULL
  ) STRICT;
`;

export function makeLocalTables(database: SQLite.Database): void {
  database.exec(SCHEMA);
}

/** What is changed from now on is nobody else's. */
export function leaveShared(database: SQLite.Database): void {
  database.exec('DROP TABLE IF EXISTS replica; DROP TABLE IF EXISTS replica_outbox');
}

/** undefined: it is no replica. */
export function readLocal(database: SQLite.Database): Local | undefined {
  return database.prepare('SELECT registry, origin, position, mark FROM replica').get() as Local | undefined;
}

export function writeLocal(database: SQLite.Database, { registry, origin, position, mark }: Local): void {
  database.prepare('INSERT OR REPLACE INTO replica VALUES (1, ?, ?, ?, ?)').run(registry, origin, position, mark);
}

/** It only grows: what was asked for may come when more is here already. */
export function setPosition(database: SQLite.Database, { position, mark }: Position): void {
  database.prepare('UPDATE replica SET position = ?, mark = ? WHERE position < ?').run(position, mark, position);
}

/** It is made anew, by the next start at the latest. */
export function giveUp(database: SQLite.Database): void {
  database.exec('UPDATE replica SET position = -1');
}

/** The number that the newest record ever had. */
export function lastRecord(database: SQLite.Database): number {
  const sql = "SELECT seq FROM sqlite_sequence WHERE name = 'replica_outbox'";
  return (database.prepare(sql).pluck().get() as number | undefined) ?? 0;
}
