import type { Config } from '../config/schema.js';

/** Where the audit log lies of documents that PostgreSQL keeps (decision 0071). */
export const POSTGRES_LOG = 'postgres-audit.db';
/** That a data folder may hold; the first one always does, and the last one only once a gateway ran on it with its documents elsewhere. */
export const DATABASES = ['registry.db', 'documents.db', POSTGRES_LOG] as const;

/** The databases in a data folder: where PostgreSQL keeps the documents, only the audit log of their changes is here. */
export function databasesOf({ database }: Pick<Config, 'database'>): readonly string[] {
  return database.url === '' ? ['registry.db', 'documents.db'] : ['registry.db', POSTGRES_LOG];
}
