import { bestPassages, type SearchSources } from '../search/best-passages.js';
import { type Db, unaudited } from '../stores/database.js';
import { createShelves, type Shelf } from '../stores/shelves.js';
import { createStoreFiles } from '../stores/store-files.js';
import { createVectorStores } from '../stores/vector-stores.js';
import type { DocumentStore, FoundPassages, PassageSearch } from './document-store.js';

export interface Finding extends Pick<DocumentStore, 'searched'> {
  /** By several statements, which must see one state of the database. */
  find(search: PassageSearch): Promise<FoundPassages>;
}

/** All that a search reads, over whichever database has the rows. */
export function createFinding(db: Db, sources: SearchSources, nowS: () => number): Finding {
  const [stores, storeFiles] = [createVectorStores(db, nowS, unaudited), createStoreFiles(db, unaudited)];
  const shelves = createShelves(db);
  return {
    async searched(tenant, storeIds) {
      if (storeIds.length > 0) return Promise.all(storeIds.map((id) => stores.searched(tenant, id)));
      const oldest = await stores.oldest(tenant);
      return oldest === null ? [] : [oldest];
    },

    async find({ tenant, storeIds, groups, parts, mode, filter, topK, minScore, diversity }) {
      const visible = await shelves.visible(storeIds, groups);
      const seqs = visible.map(({ seq }) => seq);
      const files = filter && (await storeFiles.passing(seqs, filter));
      const scope = { tenant, storeIds, shelves: seqs, files };
      const passages = await bestPassages({ scope, parts, mode, topK, minScore, diversity }, sources);
      return { passages, snapshot: storeIds.map((id) => `${id}@${revisionOf(id, visible)}`).join() };
    },
  };
}

/** Of what can be seen of a store: each of its shelves' grows with every change. */
function revisionOf(storeId: string, visible: readonly Shelf[]): number {
  return visible.reduce((sum, shelf) => (shelf.storeId === storeId ? sum + shelf.revision : sum), 0);
}
