import type { Passage } from '../../contracts/retrieval.js';
import type { Db } from './database.js';
import { listOf } from './list-of.js';
import type { FoundFile } from './store-files.js';

/** Whose passages: those on some shelves of a tenant's. */
export interface PassageScope {
  readonly tenant: string;
  readonly shelves: readonly number[];
  /** Those of some files alone; null: of all. */
  readonly files: readonly FoundFile[] | null;
}

/** What is searched. */
export interface SearchScope extends PassageScope {
  /** Whose shelves those are. */
  readonly storeIds: readonly string[];
  /** Key of the model whose vectors answer in all of them. */
  readonly embedder: number;
}

/** What a passage says. */
export interface StoredPassage {
  readonly label: number;
  readonly headingPath: readonly string[];
  readonly text: string;
}

/** The passages of a scope. */
function inScope(db: Db, { tenant, shelves, files }: PassageScope) {
  return db
    .selectFrom('passages')
    .where('passages.tenant', '=', tenant)
    .where(({ exists, selectFrom }) => {
      const onShelf = selectFrom('store_files')
        .select('store_files.seq')
        .whereRef('store_files.store_id', '=', 'passages.store_id')
        .whereRef('store_files.file_id', '=', 'passages.file_id')
        .where('shelf', 'in', listOf(db, shelves));
      return exists(files ? onShelf.where('store_files.seq', 'in', listOf(db, seqsOf(files))) : onShelf);
    });
}

/** The rows that every search ends in: what an index says counts only where a row of the tenant's stands behind it. */
export function createPassages(db: Db) {
  return {
    /** Passages of a file in a store, from the `from`th on, in order, at most `limit`. */
    async ofFile(
      { tenant, storeId, fileId }: { readonly tenant: string; readonly storeId: string; readonly fileId: string },
      from: number,
      limit: number,
    ): Promise<StoredPassage[]> {
      const rows = await db
        .selectFrom('passages')
        .where('tenant', '=', tenant)
        .select(['label', 'heading_path', 'text'])
        .where('store_id', '=', storeId)
        .where('file_id', '=', fileId)
        .where('ordinal', '>=', from)
        .orderBy('ordinal')
        .limit(limit)
        .execute();
      return rows.map((row) => ({ label: row.label, headingPath: JSON.parse(row.heading_path), text: row.text }));
    },

    /** How many there are of a tenant, in some of its stores or on some shelves, or at all; or in stores that have vectors of a model, or are to have some. */
    async count(
      of: { tenant?: string; embedder?: number; storeIds?: readonly string[]; shelves?: readonly number[] } = {},
    ): Promise<number> {
      let query = db.selectFrom('store_files').select((eb) => eb.fn.sum<number | null>('passages').as('passages'));
      if (of.tenant !== undefined) query = query.where('tenant', '=', of.tenant);
      const { tenant, embedder } = of;
      if (embedder !== undefined) {
        query = query.where('store_id', 'in', (eb) =>
          eb
            .selectFrom('stores')
            .select('id')
            .where('tenant', '=', tenant!)
            .where((or) => or.or([or('embedder', '=', embedder), or('next_embedder', '=', embedder)])),
        );
      }
      if (of.storeIds) query = query.where('store_id', 'in', of.storeIds);
      if (of.shelves) query = query.where('shelf', 'in', listOf(db, of.shelves));
      return (await query.executeTakeFirst())?.passages ?? 0;
    },

    /** How many tokens passages have, by label. */
    async lengths(scope: PassageScope, labels: readonly number[]): Promise<Map<number, number>> {
      if (labels.length === 0) return new Map();
      const rows = await inScope(db, scope)
        .select(['label', 'tokens'])
        .where('label', 'in', listOf(db, labels))
        .execute();
      return new Map(rows.map(({ label, tokens }) => [label, tokens]));
    },

    /** The passages themselves, by label. */
    async load(scope: PassageScope, labels: readonly number[]): Promise<Map<number, Passage>> {
      if (labels.length === 0) return new Map();
      const rows = await inScope(db, scope)
        .innerJoin('files', 'files.id', 'passages.file_id')
        .innerJoin('store_files', (join) =>
          join
            .onRef('store_files.store_id', '=', 'passages.store_id')
            .onRef('store_files.file_id', '=', 'passages.file_id'),
        )
        .select([
          'passages.label',
          'passages.id',
          'passages.file_id',
          'passages.store_id',
          'files.filename',
          'heading_path',
          'text',
          'byte_start',
          'byte_end',
          'location',
          'tokens',
          'attributes',
        ])
        .where('passages.label', 'in', listOf(db, labels))
        .execute();
      return new Map(
        rows.map((row) => [
          row.label,
          {
            id: row.id,
            fileId: row.file_id,
            filename: row.filename,
            storeId: row.store_id,
            headingPath: JSON.parse(row.heading_path),
            text: row.text,
            byteStart: row.byte_start,
            byteEnd: row.byte_end,
            location: row.location === null ? null : JSON.parse(row.location),
            tokens: row.tokens,
            attributes: JSON.parse(row.attributes),
          },
        ]),
      );
    },
  };
}

export type Passages = ReturnType<typeof createPassages>;

function seqsOf(files: readonly FoundFile[]): number[] {
  return files.map(({ seq }) => seq);
}
