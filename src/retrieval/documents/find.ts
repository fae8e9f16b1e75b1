import type { ScoredPassage } from '../../contracts/retrieval.js';
import { bestPassages, byScore, type SearchSources } from '../search/best-passages.js';
import type { Relevance } from '../search/relevance.js';
import { withoutRepeats } from '../search/repeats.js';
import { type Db, unaudited } from '../stores/database.js';
import { type EmbedderModels, keyOf, storesWithOthers } from '../stores/embedder-models.js';
import { createShelves, type Shelf } from '../stores/shelves.js';
import { createStoreFiles } from '../stores/store-files.js';
import { createVectorStores } from '../stores/vector-stores.js';
import type { DocumentStore, FoundPassages, PassageSearch } from './document-store.js';

export interface Finding extends Pick<DocumentStore, 'searched'> {
  /** By several statements, which must see one state of the database. */
  find(search: PassageSearch): Promise<FoundPassages | null>;
}

export interface FindingSources extends Omit<SearchSources, 'relevance'> {
  /** Of the model with this digest. */
  readonly relevanceOf: (embedder: string) => Relevance;
}

/** All that a search reads, over whichever database has the rows. */
export function createFinding(
  db: Db,
  { relevanceOf, ...sources }: FindingSources,
  nowS: () => number,
  models: EmbedderModels,
): Finding {
  const stores = createVectorStores(db, nowS, unaudited, models);
  const [storeFiles, shelves] = [createStoreFiles(db, unaudited), createShelves(db)];
  return {
    async searched(tenant, storeIds) {
      if (storeIds.length > 0) return Promise.all(storeIds.map((id) => stores.searched(tenant, id)));
      const oldest = await stores.oldest(tenant);
      return oldest === null ? [] : [oldest];
    },

    async find({ tenant, groups, queries, mode, filter, topK, minScore, diversity }) {
      const lists: ScoredPassage[][] = [];
      const snapshots: string[] = [];
      for (const { embedder, storeIds, parts } of queries) {
        if ((await storesWithOthers(db, storeIds, embedder)).length > 0) return null;
        const visible = await shelves.visible(storeIds, groups);
        const seqs = visible.map(({ seq }) => seq);
        const files = filter && (await storeFiles.passing(seqs, filter));
        const scope = { tenant, storeIds, shelves: seqs, files, embedder: await keyOf(db, embedder) };
        const request = { scope, parts, mode, topK, minScore, diversity };
        lists.push(await bestPassages(request, { ...sources, relevance: relevanceOf(embedder) }));
        snapshots.push(...storeIds.map((id) => `${id}@${revisionOf(id, visible)}`));
      }
      return { passages: merged(lists, topK), snapshot: snapshots.join() };
    },
  };
}

/** Relevance means the same whichever model's vectors it was judged by; a cosine does not. */
function merged(lists: readonly (readonly ScoredPassage[])[], topK: number): readonly ScoredPassage[] {
  const [first = [], ...others] = lists;
  if (others.length === 0) return first;
  return withoutRepeats(lists.flat().sort(byScore)).slice(0, topK);
}

/** Of what can be seen of a store: each of its shelves' grows with every change. */
function revisionOf(storeId: string, visible: readonly Shelf[]): number {
  return visible.reduce((sum, shelf) => (shelf.storeId === storeId ? sum + shelf.revision : sum), 0);
}
