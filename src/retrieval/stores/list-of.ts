import { sql } from 'kysely';
import { isPostgres } from '../../postgres/dialect.js';
import type { Db } from './database.js';

/** Numbers as one value, however many they are: a statement takes no more than some ten thousand. */
export function listOf(db: Db, numbers: readonly number[]) {
  return isPostgres(db)
    ? sql<number>`(select unnest(${numbers}::bigint[]))`
    : sql<number>`(select value from json_each(${JSON.stringify(numbers)}))`;
}
