import type { Config } from '../config/schema.js';

/** The databases in a data folder: that of the documents is elsewhere where PostgreSQL keeps them. */
export function databasesOf({ database }: Pick<Config, 'database'>): readonly string[] {
  return database.url === '' ? ['registry.db', 'documents.db'] : ['registry.db'];
}
