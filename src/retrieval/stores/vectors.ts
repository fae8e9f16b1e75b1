import { sql } from 'kysely';
import { isPostgres } from '../../postgres/dialect.js';
import type { Db } from './database.js';
import { readEmbedding } from './embeddings.js';
import { listOf } from './list-of.js';
import type { SearchScope } from './passages.js';
import type { FoundFile } from './store-files.js';

/** A passage's vector of some model. */
export interface Vector {
  /** The passage's. */
  readonly label: number;
  readonly embedding: Float32Array;
}

/** A vector as an index knows it. */
export interface KeyedVector {
  /** `vectors.seq` */
  readonly key: number;
  readonly embedding: Float32Array;
}

/** Vectors that are read at once. */
const LOT = 2000;

/**
 * The vectors of a scope's passages, by the model whose vectors answer there.
 * @param ofTenant the tenant's column, as the database is to look at it
 */
export function vectorsInScope(
  db: Db,
  { tenant, embedder, shelves, files }: SearchScope,
  ofTenant = sql<string>`vectors.tenant`,
) {
  return db
    .selectFrom('vectors')
    .where(ofTenant, '=', tenant)
    .where('vectors.embedder', '=', embedder)
    .where(({ exists, selectFrom }) => {
      const onShelf = selectFrom('store_files')
        .select('store_files.seq')
        .whereRef('store_files.seq', '=', 'vectors.store_file')
        .where('shelf', 'in', listOf(db, shelves));
      const seqs = files?.map(({ seq }) => seq);
      return exists(seqs ? onShelf.where('store_files.seq', 'in', listOf(db, seqs)) : onShelf);
    });
}

/** The vectors of passages as SQLite has them: numbers that this process compares. */
export function createVectors(db: Db) {
  const filesOf = async (shelves: readonly number[]): Promise<FoundFile[]> =>
    db
      .selectFrom('store_files')
      .select(['seq', 'passages'])
      .where('shelf', 'in', listOf(db, shelves))
      .where('passages', '>', 0)
      .execute();
  const ofFiles = ({ tenant, embedder, shelves }: SearchScope, seqs: readonly number[]) =>
    db
      .selectFrom('store_files')
      .crossJoin('vectors')
      .select(['passage as label', 'embedding'])
      .whereRef('vectors.store_file', '=', 'store_files.seq')
      .where('vectors.embedder', '=', embedder)
      .where('vectors.tenant', '=', tenant)
      .where('store_files.seq', 'in', listOf(db, seqs))
      .where('shelf', 'in', listOf(db, shelves));

  // The plus keeps SQLite from reading all of the tenant's by their index: 96 ms of 100,000 passages, 0.8 by label.
  const byLabel = isPostgres(db) ? undefined : sql<string>`+vectors.tenant`;

  return {
    /** Vectors of a tenant and a model with keys above `after`, ascending, at most `limit`. */
    async ofTenantAfter(tenant: string, embedder: number, after: number, limit: number): Promise<KeyedVector[]> {
      const rows = await db
        .selectFrom('vectors')
        .select(['seq', 'embedding'])
        .where('tenant', '=', tenant)
        .where('embedder', '=', embedder)
        .where('seq', '>', after)
        .orderBy('seq')
        .limit(limit)
        .execute();
      return rows.map(({ seq, embedding }) => ({ key: seq, embedding: readEmbedding(embedding) }));
    },

    /** All vectors of a scope, a lot at a time. Rows of other shelves are not read. */
    async *vectors(scope: SearchScope): AsyncGenerator<readonly Vector[]> {
      for (const { seqs, isLarge } of lotsOf(scope.files ?? (await filesOf(scope.shelves)))) {
        if (!isLarge) yield (await ofFiles(scope, seqs).execute()).map(toVector);
        else yield* inLots((last) => ofFiles(scope, seqs).where('passage', '>', last).orderBy('passage').limit(LOT));
      }
    },

    /** Those with keys above `after`, a lot at a time. */
    async *vectorsAfter(scope: SearchScope, after: number): AsyncGenerator<readonly Vector[]> {
      for (let last = after, read = LOT; read === LOT; ) {
        const rows = vectorsInScope(db, scope).select(['seq', 'passage as label', 'embedding']).where('seq', '>', last);
        const lot = await rows.orderBy('seq').limit(LOT).execute();
        yield lot.map(toVector);
        read = lot.length;
        last = lot.at(-1)?.seq ?? last;
      }
    },

    /** Those of the passages with these labels that are in the scope; the others do not come back. */
    async vectorsOf(scope: SearchScope, labels: readonly number[]): Promise<Vector[]> {
      const rows = vectorsInScope(db, scope, byLabel).select(['passage as label', 'embedding']);
      return (await rows.where('passage', 'in', listOf(db, labels)).execute()).map(toVector);
    },

    /** Those with these keys that are in the scope; the others do not come back. */
    async withKeys(scope: SearchScope, keys: readonly number[]): Promise<Vector[]> {
      const rows = vectorsInScope(db, scope).select(['passage as label', 'embedding']);
      return (await rows.where('vectors.seq', 'in', listOf(db, keys)).execute()).map(toVector);
    },

    /** Keys of the tenant's vectors of a model up to `last`, ascending. */
    async keysUpTo(tenant: string, embedder: number, last: number): Promise<number[]> {
      const query = db
        .selectFrom('vectors')
        .select('seq')
        .where('tenant', '=', tenant)
        .where('embedder', '=', embedder)
        .where('seq', '<=', last)
        .orderBy('seq');
      return (await query.execute()).map(({ seq }) => seq);
    },

    /** The models that there ever were vectors of. */
    embedders: (): Promise<{ seq: number; dimensions: number }[]> =>
      db.selectFrom('embedders').select(['seq', 'dimensions']).execute(),

    /** The largest key that was ever given. */
    async lastKey(): Promise<number> {
      const query = db.selectFrom('sqlite_sequence').select('seq').where('name', '=', 'vectors');
      return (await query.executeTakeFirst())?.seq ?? 0;
    },
  };
}

export type Vectors = ReturnType<typeof createVectors>;

type Row = { readonly label: number; readonly embedding: Buffer };

/** By label, a lot at a time. */
async function* inLots(
  after: (label: number) => { execute(): Promise<readonly Row[]> },
): AsyncGenerator<readonly Vector[]> {
  for (let last = 0, read = LOT; read === LOT; ) {
    const lot = await after(last).execute();
    yield lot.map(toVector);
    read = lot.length;
    last = lot.at(-1)?.label ?? last;
  }
}

/** Files that are read together: as many as make a lot, or one that is larger. */
function* lotsOf(files: readonly FoundFile[]): Generator<{ seqs: readonly number[]; isLarge: boolean }> {
  let lot: number[] = [];
  let size = 0;
  for (const { seq, passages } of files) {
    if (lot.length > 0 && size + passages > LOT) {
      yield { seqs: lot, isLarge: false };
      [lot, size] = [[], 0];
    }
    if (passages > LOT) {
      yield { seqs: [seq], isLarge: true };
    } else {
      lot.push(seq);
      size += passages;
    }
  }
  if (lot.length > 0) yield { seqs: lot, isLarge: false };
}

function toVector({ label, embedding }: Row): Vector {
  return { label, embedding: readEmbedding(embedding) };
}
