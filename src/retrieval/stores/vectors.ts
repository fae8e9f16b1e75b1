import type { Db } from './database.js';
import { readEmbedding } from './embeddings.js';
import { listOf } from './list-of.js';
import { inScope, type PassageScope } from './passages.js';
import type { FoundFile } from './store-files.js';

export interface Vector {
  readonly label: number;
  readonly embedding: Float32Array;
}

/** Vectors that are read at once. */
const LOT = 2000;

/** The vectors of passages as SQLite has them: numbers that this process compares. */
export function createVectors(db: Db) {
  const filesOf = async (shelves: readonly number[]): Promise<FoundFile[]> =>
    db
      .selectFrom('store_files')
      .select(['seq', 'passages'])
      .where('shelf', 'in', listOf(db, shelves))
      .where('passages', '>', 0)
      .execute();

  return {
    /** Vectors of a tenant with labels above `after`, ascending, at most `limit`. */
    async ofTenantAfter(tenant: string, after: number, limit: number): Promise<Vector[]> {
      const rows = db
        .selectFrom('passages')
        .where('tenant', '=', tenant)
        .select(['label', 'embedding'])
        .where('label', '>', after);
      return (await rows.orderBy('label').limit(limit).execute()).map(toVector);
    },

    /** All vectors of a scope, a lot at a time. Rows of other shelves are not read. */
    async *vectors(scope: PassageScope): AsyncGenerator<readonly Vector[]> {
      for (const { seqs, from } of lotsOf(scope.files ?? (await filesOf(scope.shelves)))) {
        const rows = await db
          .selectFrom('store_files')
          .crossJoin('passages')
          .select(['label', 'embedding'])
          .whereRef('passages.store_id', '=', 'store_files.store_id')
          .whereRef('passages.file_id', '=', 'store_files.file_id')
          .where('passages.tenant', '=', scope.tenant)
          .where('store_files.seq', 'in', listOf(db, seqs))
          .where('shelf', 'in', listOf(db, scope.shelves))
          .where('ordinal', '>=', from)
          .where('ordinal', '<', from + LOT)
          .execute();
        yield rows.map(toVector);
      }
    },

    /** Those with labels above `after`, a lot at a time. */
    async *vectorsAfter(scope: PassageScope, after: number): AsyncGenerator<readonly Vector[]> {
      for (let last = after, read = LOT; read === LOT; ) {
        const rows = inScope(db, scope).select(['label', 'embedding']).where('label', '>', last);
        const lot = await rows.orderBy('label').limit(LOT).execute();
        yield lot.map(toVector);
        read = lot.length;
        last = lot.at(-1)?.label ?? last;
      }
    },

    /** Those of `labels` that are in the scope; the others do not come back. */
    async vectorsOf(scope: PassageScope, labels: readonly number[]): Promise<Vector[]> {
      const rows = inScope(db, scope).select(['label', 'embedding']).where('label', 'in', listOf(db, labels));
      return (await rows.execute()).map(toVector);
    },

    /** Labels of the tenant's passages up to `last`, ascending. */
    async labelsUpTo(tenant: string, last: number): Promise<number[]> {
      const query = db
        .selectFrom('passages')
        .where('tenant', '=', tenant)
        .select('label')
        .where('label', '<=', last)
        .orderBy('label');
      return (await query.execute()).map((row) => row.label);
    },

    /** The largest label that was ever given. */
    async lastLabel(): Promise<number> {
      const query = db.selectFrom('sqlite_sequence').select('seq').where('name', '=', 'passages');
      return (await query.executeTakeFirst())?.seq ?? 0;
    },
  };
}

export type Vectors = ReturnType<typeof createVectors>;

/** Files that are read together, from one of their passages on: as many as make a lot, or a part of one that is larger. */
function* lotsOf(files: readonly FoundFile[]): Generator<{ seqs: readonly number[]; from: number }> {
  let lot: number[] = [];
  let size = 0;
  for (const { seq, passages } of files) {
    if (lot.length > 0 && size + passages > LOT) {
      yield { seqs: lot, from: 0 };
      [lot, size] = [[], 0];
    }
    if (passages > LOT) {
      for (let from = 0; from < passages; from += LOT) yield { seqs: [seq], from };
    } else {
      lot.push(seq);
      size += passages;
    }
  }
  if (lot.length > 0) yield { seqs: lot, from: 0 };
}

function toVector({ label, embedding }: { label: number; embedding: Buffer }): Vector {
  return { label, embedding: readEmbedding(embedding) };
}
