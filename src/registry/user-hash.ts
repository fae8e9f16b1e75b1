import { createHmac } from 'node:crypto';
import type { Database } from './tables/tables.js';

/** One user of one tenant: the same user gives the same bytes, and without the key nobody can tell whose they are. */
export type HashUser = (tenant: string, user: string) => Buffer;

export async function createUserHash(db: Database): Promise<HashUser> {
  const { key } = await db.selectFrom('userHashKey').selectAll().executeTakeFirstOrThrow();
  return (tenant, user) =>
    createHmac('sha256', key)
      .update(JSON.stringify([tenant, user]))
      .digest();
}
