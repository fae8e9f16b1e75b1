import type { FileCounts, Page, PageRequest, VectorStore } from '../../contracts/retrieval.js';
import { AppError } from '../../errors/app-error.js';
import type { Db, Tables } from './database.js';
import { STATUS, toFileCounts } from './file-counts.js';
import { newId } from './ids.js';
import { beyond, toPage } from './paging.js';

type Row = Pick<Tables['stores'], 'id' | 'name' | 'metadata' | 'created_at' | 'last_active_at'> & {
  seq: number;
};

/** A store that a search takes place in. */
export interface SearchedStore {
  readonly id: string;
  readonly lastActiveAt: number;
}

const COLUMNS = ['seq', 'id', 'name', 'metadata', 'created_at', 'last_active_at'] as const;

/** The rows of vector stores. Every method is confined to its tenant. */
export function createVectorStores(db: Db) {
  const find = async (tenant: string, id: string): Promise<Row> => {
    const row = await db
      .selectFrom('stores')
      .select(COLUMNS)
      .where('tenant', '=', tenant)
      .where('id', '=', id)
      .executeTakeFirst();
    if (!row) throw new AppError('not_found', { what: 'Vector store', id });
    return row;
  };

  /** Counts of the files of stores, by store. */
  const usage = async (storeIds: readonly string[]) => {
    const rows =
      storeIds.length === 0
        ? []
        : await db
            .selectFrom('store_files')
            .select((eb) => [
              'store_id',
              STATUS.as('status'),
              eb.fn.countAll<number>().as('files'),
              eb.fn.sum<number>('usage_bytes').as('bytes'),
            ])
            .where('store_id', 'in', storeIds)
            .groupBy(['store_id', STATUS])
            .execute();
    return (storeId: string): { bytes: number; counts: FileCounts } => {
      const own = rows.filter((row) => row.store_id === storeId);
      return { bytes: own.reduce((sum, row) => sum + row.bytes, 0), counts: toFileCounts(own) };
    };
  };

  const toStore = (row: Row, { bytes, counts }: { bytes: number; counts: FileCounts }): VectorStore => ({
    id: row.id,
    name: row.name,
    createdAt: row.created_at,
    lastActiveAt: row.last_active_at,
    metadata: JSON.parse(row.metadata),
    usageBytes: bytes,
    fileCounts: counts,
  });

  const get = async (tenant: string, id: string): Promise<VectorStore> => {
    const row = await find(tenant, id);
    return toStore(row, (await usage([id]))(id));
  };

  return {
    get,

    async create(
      tenant: string,
      store: { name: string; metadata: Record<string, string> },
      nowS: number,
    ): Promise<VectorStore> {
      const id = newId('vs_');
      const times = { created_at: nowS, last_active_at: nowS };
      await db
        .insertInto('stores')
        .values({ id, tenant, name: store.name, metadata: JSON.stringify(store.metadata), ...times })
        .execute();
      return get(tenant, id);
    },

    async list(tenant: string, page: PageRequest): Promise<Page<VectorStore>> {
      let query = db.selectFrom('stores').select(COLUMNS).where('tenant', '=', tenant);
      if (page.after) query = query.where('seq', beyond(page), (await find(tenant, page.after)).seq);
      const rows = await query
        .orderBy('seq', page.order)
        .limit(page.limit + 1)
        .execute();
      const used = await usage(rows.map((row) => row.id));
      return toPage(rows, page, (row) => toStore(row, used(row.id)));
    },

    async update(
      tenant: string,
      id: string,
      change: { name?: string; metadata?: Record<string, string> },
      nowS: number,
    ): Promise<VectorStore> {
      await find(tenant, id);
      await db
        .updateTable('stores')
        .set({
          last_active_at: nowS,
          ...(change.name !== undefined && { name: change.name }),
          ...(change.metadata !== undefined && { metadata: JSON.stringify(change.metadata) }),
        })
        .where('id', '=', id)
        .execute();
      return get(tenant, id);
    },

    /** Deletes the store with its passages; the files stay. Returns the labels of the passages. */
    async delete(tenant: string, id: string): Promise<number[]> {
      await find(tenant, id);
      return db.transaction().execute(async (tx) => {
        const passages = await tx.selectFrom('passages').select('label').where('store_id', '=', id).execute();
        await tx.deleteFrom('stores').where('id', '=', id).execute();
        return passages.map((passage) => passage.label);
      });
    },

    async touch(id: string, nowS: number): Promise<void> {
      await db.updateTable('stores').set({ last_active_at: nowS }).where('id', '=', id).execute();
    },

    searched: async (tenant: string, id: string): Promise<SearchedStore> => toSearched(await find(tenant, id)),

    /** The tenant's default store; null where it has none. */
    async oldest(tenant: string): Promise<SearchedStore | null> {
      const own = db.selectFrom('stores').select(COLUMNS).where('tenant', '=', tenant);
      const row = await own.orderBy('seq').limit(1).executeTakeFirst();
      return row ? toSearched(row) : null;
    },
  };
}

function toSearched({ id, last_active_at: lastActiveAt }: Row): SearchedStore {
  return { id, lastActiveAt };
}

export type VectorStores = ReturnType<typeof createVectorStores>;
