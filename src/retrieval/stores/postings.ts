import { sql, type Transaction } from 'kysely';
import { TERMS_VERSION } from '../../words/terms.js';
import type { Statistics } from '../lexical/bm25.js';
import { type FileTerms, POSTING_BYTES, type Posting, readPostings } from '../lexical/file-terms.js';
import type { Db, Tables } from './database.js';
import { listOf } from './list-of.js';
import { labelsOf } from './write-vectors.js';

/** How widely a term is spread on some shelves. */
interface TermSpread {
  readonly term: string;
  readonly files: number;
  readonly passages: number;
}

/** A file in a store. */
interface StoreFileKey {
  readonly seq: number;
  readonly tenant: string;
  readonly storeId: string;
  readonly fileId: string;
}

const ROWS_PER_INSERT = 100;

/** Which passages hold which terms: what lexical search ranks by. Each answer is about some shelves alone. */
export function createPostings(db: Db) {
  return {
    /** Of the passages whose terms are known. */
    async statistics(shelves: readonly number[]): Promise<Statistics> {
      const row = await db
        .selectFrom('store_files')
        .select((eb) => [
          eb.fn.coalesce(eb.fn.sum<number>('passages'), sql<number>`0`).as('passages'),
          eb.fn.coalesce(eb.fn.sum<number>('terms'), sql<number>`0`).as('terms'),
        ])
        .where('shelf', 'in', listOf(db, shelves))
        .where('terms_version', '=', TERMS_VERSION)
        .executeTakeFirstOrThrow();
      return row;
    },

    /** @returns those of `terms` that stand somewhere, the rarest first */
    async spread(shelves: readonly number[], terms: readonly string[]): Promise<TermSpread[]> {
      if (terms.length === 0) return [];
      return db
        .selectFrom('postings')
        .select((eb) => [
          'term',
          eb.fn.countAll<number>().as('files'),
          sql<number>`sum(length(passages)) / ${sql.lit(POSTING_BYTES)}`.as('passages'),
        ])
        .where('shelf', 'in', listOf(db, shelves))
        .where('term', 'in', terms)
        .groupBy('term')
        .orderBy('passages')
        .execute();
    },

    /** The passages that hold a term. @param files of these files alone; null: of all */
    async of(shelves: readonly number[], term: string, files: ReadonlySet<number> | null): Promise<Posting[]> {
      const rows = await db
        .selectFrom('postings')
        .select(['store_file', 'passages'])
        .where('shelf', 'in', listOf(db, shelves))
        .where('term', '=', term)
        .execute();
      const passing = files ? rows.filter((row) => files.has(row.store_file)) : rows;
      return passing.flatMap(({ passages }) => [...readPostings(passages)]);
    },

    /** A completed file after `seq` whose terms were never gathered, or by older rules. */
    async nextOutdated(after: number): Promise<(StoreFileKey & { readonly filename: string }) | null> {
      const row = await db
        .selectFrom('store_files')
        .innerJoin('files', 'files.id', 'store_files.file_id')
        .select(['store_files.seq', 'store_files.tenant', 'store_id', 'file_id', 'filename'])
        .where('status', '=', 'completed')
        .where('terms_version', '<', TERMS_VERSION)
        .where('store_files.seq', '>', after)
        .orderBy('terms_version')
        .orderBy('store_files.seq')
        .limit(1)
        .executeTakeFirst();
      if (!row) return null;
      const { seq, tenant, store_id: storeId, file_id: fileId, filename } = row;
      return { seq, tenant, storeId, fileId, filename };
    },

    /** In place of what was known of the file. Nothing where it was removed meanwhile. */
    async replace(file: StoreFileKey, terms: FileTerms): Promise<void> {
      await db.transaction().execute(async (tx) => {
        await tx.deleteFrom('postings').where('store_file', '=', file.seq).execute();
        await writePostings(tx, file, terms);
      });
    },
  };
}

export type Postings = ReturnType<typeof createPostings>;

/** Writes down where the terms of a file stand, whose passages are there. */
export async function writePostings(tx: Transaction<Tables>, file: StoreFileKey, terms: FileTerms): Promise<void> {
  const row = await tx
    .updateTable('store_files')
    .set({ terms: terms.length, terms_version: TERMS_VERSION })
    .where('seq', '=', file.seq)
    .returning('shelf')
    .executeTakeFirst();
  if (!row) return;
  const labels = await labelsOf(tx, file);
  const rows = [...terms.postings(labels)].map((posting) => ({ shelf: row.shelf, store_file: file.seq, ...posting }));
  for (let from = 0; from < rows.length; from += ROWS_PER_INSERT) {
    await tx
      .insertInto('postings')
      .values(rows.slice(from, from + ROWS_PER_INSERT))
      .execute();
  }
}
