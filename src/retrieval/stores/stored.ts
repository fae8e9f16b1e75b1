import type { StoredDocuments } from '../../contracts/retrieval.js';
import { AppError } from '../../errors/app-error.js';
import type { Db } from './database.js';

/** What a tenant keeps: bytes of files, and passages of files in stores. */
export async function storedBy(db: Db, tenant: string): Promise<StoredDocuments> {
  const [bytes, passages] = [await sumOf(db, 'files', 'bytes', tenant), await storedPassages(db, tenant)];
  return { bytes, passages };
}

export function storedPassages(db: Db, tenant: string): Promise<number> {
  return sumOf(db, 'store_files', 'passages', tenant);
}

/** @param stored without what is to come @throws AppError `passage_limit_reached` */
export function checkPassages(tenant: string, stored: number, more: number, limit: number | null): void {
  if (limit !== null && stored + more > limit) throw new AppError('passage_limit_reached', { tenant, limit, stored });
}

async function sumOf(db: Db, table: 'files' | 'store_files', column: string, tenant: string): Promise<number> {
  const { sum } = await db
    .selectFrom(table)
    .select((eb) => eb.fn.sum<number | string | null>(eb.ref(column as never)).as('sum'))
    .where('tenant', '=', tenant)
    .executeTakeFirstOrThrow();
  return Number(sum ?? 0);
}
