import type { Passage } from '../../contracts/retrieval.js';
import type { Db } from './database.js';
import { listOf } from './shelves.js';
import type { FoundFile } from './store-files.js';

export interface Vector {
  readonly label: number;
  readonly embedding: Float32Array;
}

/** Whose passages: those on some shelves of a tenant's. */
export interface PassageScope {
  readonly tenant: string;
  readonly shelves: readonly number[];
  /** Those of some files alone; null: of all. */
  readonly files: readonly FoundFile[] | null;
}

/** Vectors that are read at once. */
const LOT = 2000;

/** The rows that every search ends in: what an index says counts only where a row of the tenant's stands behind it. */
export function createPassages(db: Db) {
  const ofTenant = (tenant: string) => db.selectFrom('passages').where('passages.tenant', '=', tenant);
  const inScope = ({ tenant, shelves, files }: PassageScope) =>
    ofTenant(tenant).where(({ exists, selectFrom }) => {
      const onShelf = selectFrom('store_files')
        .select('store_files.seq')
        .whereRef('store_files.store_id', '=', 'passages.store_id')
        .whereRef('store_files.file_id', '=', 'passages.file_id')
        .where('shelf', 'in', listOf(shelves));
      return exists(files ? onShelf.where('store_files.seq', 'in', listOf(seqsOf(files))) : onShelf);
    });
  const filesOf = async (shelves: readonly number[]): Promise<FoundFile[]> =>
    db
      .selectFrom('store_files')
      .select(['seq', 'passages'])
      .where('shelf', 'in', listOf(shelves))
      .where('passages', '>', 0)
      .execute();

  return {
    /** Vectors of a tenant with labels above `after`, ascending, at most `limit`. */
    async ofTenantAfter(tenant: string, after: number, limit: number): Promise<Vector[]> {
      const rows = ofTenant(tenant).select(['label', 'embedding']).where('label', '>', after);
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
          .where('store_files.seq', 'in', listOf(seqs))
          .where('shelf', 'in', listOf(scope.shelves))
          .where('ordinal', '>=', from)
          .where('ordinal', '<', from + LOT)
          .execute();
        yield rows.map(toVector);
      }
    },

    /** Those with labels above `after`, a lot at a time. */
    async *vectorsAfter(scope: PassageScope, after: number): AsyncGenerator<readonly Vector[]> {
      for (let last = after, read = LOT; read === LOT; ) {
        const rows = inScope(scope).select(['label', 'embedding']).where('label', '>', last);
        const lot = await rows.orderBy('label').limit(LOT).execute();
        yield lot.map(toVector);
        read = lot.length;
        last = lot.at(-1)?.label ?? last;
      }
    },

    /** Those of `labels` that are in the scope; the others do not come back. */
    async vectorsOf(scope: PassageScope, labels: readonly number[]): Promise<Vector[]> {
      const rows = inScope(scope).select(['label', 'embedding']).where('label', 'in', listOf(labels));
      return (await rows.execute()).map(toVector);
    },

    /** Passages of a file in a store, from the `from`th on, in order, at most `limit`. */
    async ofFile(
      { tenant, storeId, fileId }: { readonly tenant: string; readonly storeId: string; readonly fileId: string },
      from: number,
      limit: number,
    ): Promise<{ headingPath: string[]; text: string }[]> {
      const rows = await ofTenant(tenant)
        .select(['heading_path', 'text'])
        .where('store_id', '=', storeId)
        .where('file_id', '=', fileId)
        .where('ordinal', '>=', from)
        .orderBy('ordinal')
        .limit(limit)
        .execute();
      return rows.map((row) => ({ headingPath: JSON.parse(row.heading_path), text: row.text }));
    },

    /** Labels of the tenant's passages up to `last`, ascending. */
    async labelsUpTo(tenant: string, last: number): Promise<number[]> {
      const query = ofTenant(tenant).select('label').where('label', '<=', last).orderBy('label');
      return (await query.execute()).map((row) => row.label);
    },

    /** The largest label that was ever given. */
    async lastLabel(): Promise<number> {
      const query = db.selectFrom('sqlite_sequence').select('seq').where('name', '=', 'passages');
      return (await query.executeTakeFirst())?.seq ?? 0;
    },

    /** How many there are of a tenant, in some of its stores or on some shelves, or at all. */
    async count(
      of: { tenant?: string; storeIds?: readonly string[]; shelves?: readonly number[] } = {},
    ): Promise<number> {
      let query = db.selectFrom('store_files').select((eb) => eb.fn.sum<number | null>('passages').as('passages'));
      if (of.tenant !== undefined) query = query.where('tenant', '=', of.tenant);
      if (of.storeIds) query = query.where('store_id', 'in', of.storeIds);
      if (of.shelves) query = query.where('shelf', 'in', listOf(of.shelves));
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
        .where('passages.label', 'in', listOf(labels))
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

function toVector(row: { label: number; embedding: Buffer }): Vector {
  const { buffer, byteOffset, byteLength } = row.embedding;
  // A view where the alignment allows it: a copy of 1.5 KB a row would be most of the work of an exact search.
  const embedding =
    byteOffset % 4 === 0
      ? new Float32Array(buffer, byteOffset, byteLength / 4)
      : new Float32Array(Uint8Array.from(row.embedding).buffer);
  return { label: row.label, embedding };
}
