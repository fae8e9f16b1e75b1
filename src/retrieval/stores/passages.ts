import { sql } from 'kysely';
import type { Passage } from '../../contracts/retrieval.js';
import type { Db } from './database.js';

export interface Vector {
  readonly label: number;
  readonly embedding: Float32Array;
}

/** Whose passages: all of a tenant's, or those in one of its stores. */
export interface PassageScope {
  readonly tenant: string;
  readonly storeId: string | null;
  /** Those of some files alone. */
  readonly fileIds?: readonly string[];
}

/** Most values that one statement is given. */
const MAX_IN_LIST = 1000;

/** The rows that every search ends in: what an index says counts only where a row of the tenant's stands behind it. */
export function createPassages(db: Db) {
  const inScope = (scope: PassageScope) => {
    const query = db.selectFrom('passages').where('passages.tenant', '=', scope.tenant);
    const inStore = scope.storeId === null ? query : query.where('passages.store_id', '=', scope.storeId);
    // One value however many they are: a statement takes no more than some ten thousand.
    const ids = scope.fileIds && sql<string>`(select value from json_each(${JSON.stringify(scope.fileIds)}))`;
    return ids ? inStore.where('passages.file_id', 'in', ids) : inStore;
  };

  return {
    /** Vectors with labels above `after`, ascending, at most `limit`. */
    async vectorsAfter(scope: PassageScope, after: number, limit: number): Promise<Vector[]> {
      const query = inScope(scope)
        .select(['label', 'embedding'])
        .where('label', '>', after)
        .orderBy('label')
        .limit(limit);
      return (await query.execute()).map(toVector);
    },

    /** Those of `labels` that are in the scope; the others do not come back. */
    async vectorsOf(scope: PassageScope, labels: readonly number[]): Promise<Vector[]> {
      const vectors: Vector[] = [];
      for (let from = 0; from < labels.length; from += MAX_IN_LIST) {
        const some = labels.slice(from, from + MAX_IN_LIST);
        vectors.push(
          ...(await inScope(scope).select(['label', 'embedding']).where('label', 'in', some).execute()).map(toVector),
        );
      }
      return vectors;
    },

    /** Passages of a file in a store, from the `from`th on, in order, at most `limit`. */
    async ofFile(
      { tenant, storeId, fileId }: { readonly tenant: string; readonly storeId: string; readonly fileId: string },
      from: number,
      limit: number,
    ): Promise<{ headingPath: string[]; text: string }[]> {
      const rows = await inScope({ tenant, storeId })
        .select(['heading_path', 'text'])
        .where('file_id', '=', fileId)
        .where('ordinal', '>=', from)
        .orderBy('ordinal')
        .limit(limit)
        .execute();
      return rows.map((row) => ({ headingPath: JSON.parse(row.heading_path), text: row.text }));
    },

    /** Labels of the tenant's passages up to `last`, ascending. */
    async labelsUpTo(tenant: string, last: number): Promise<number[]> {
      const query = inScope({ tenant, storeId: null }).select('label').where('label', '<=', last).orderBy('label');
      return (await query.execute()).map((row) => row.label);
    },

    /** The largest label that was ever given. */
    async lastLabel(): Promise<number> {
      const query = db.selectFrom('sqlite_sequence').select('seq').where('name', '=', 'passages');
      return (await query.executeTakeFirst())?.seq ?? 0;
    },

    /** How many there are in a scope, or at all. */
    async count(scope?: PassageScope): Promise<number> {
      let query = db.selectFrom('store_files').select((eb) => eb.fn.sum<number | null>('passages').as('passages'));
      if (scope) query = query.where('tenant', '=', scope.tenant);
      if (scope?.storeId) query = query.where('store_id', '=', scope.storeId);
      return (await query.executeTakeFirst())?.passages ?? 0;
    },

    /** The passages themselves, by label. */
    async load(scope: PassageScope, labels: readonly number[]): Promise<Map<number, Passage>> {
      if (labels.length === 0) return new Map();
      const rows = await inScope(scope)
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
        .where('passages.label', 'in', labels)
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

function toVector(row: { label: number; embedding: Buffer }): Vector {
  const { buffer, byteOffset, byteLength } = row.embedding;
  // A view where the alignment allows it: a copy of 1.5 KB a row would be most of the work of an exact search.
  const embedding =
    byteOffset % 4 === 0
      ? new Float32Array(buffer, byteOffset, byteLength / 4)
      : new Float32Array(Uint8Array.from(row.embedding).buffer);
  return { label: row.label, embedding };
}
