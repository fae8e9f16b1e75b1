import { type Kysely, PostgresAdapter } from 'kysely';

/** Whether a database is PostgreSQL; else it is SQLite. Asked where one statement cannot be written for both. */
export function isPostgres<T>(db: Kysely<T>): boolean {
  return db.getExecutor().adapter instanceof PostgresAdapter;
}
