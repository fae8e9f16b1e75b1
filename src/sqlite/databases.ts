import type { Config } from '../config/schema.js';

/** The databases in a data folder: where PostgreSQL keeps the documents, only the audit log of their changes is here. */
export function databasesOf({ database }: Pick<Config, 'database'>): readonly string[] {
  return database.url === '' ? ['registry.db', 'documents.db'] : ['registry.db', 'postgres-audit.db'];
}
