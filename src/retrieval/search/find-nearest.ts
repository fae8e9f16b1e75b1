import type { TenantIndexes } from '../hnsw/tenant-indexes.js';
import type { PassageScope, Passages } from '../stores/passages.js';
import type { PassingFiles } from '../stores/store-files.js';
import { Nearest, type Scored } from './nearest.js';
import { planSearch } from './plan.js';

export interface NearestRequest {
  readonly scope: PassageScope & { readonly storeId: string };
  readonly vector: Float32Array;
  /** Passages of other files are no candidates; null: of all files. */
  readonly files: PassingFiles | null;
  readonly topK: number;
}

/** Rows compared at once; between two lots other work of the process goes on. */
const SCAN_ROWS = 2000;

/**
 * The labels nearest to a vector in a store. An index only nominates: scores come from the rows, and a row that is
 * not the tenant's and the store's does not come back from the database, whatever the index says.
 */
export async function findNearest(
  request: NearestRequest,
  passages: Passages,
  indexes: TenantIndexes,
  exactLimit: number,
): Promise<readonly Scored[]> {
  const { vector, topK, files } = request;
  const scope = files ? { ...request.scope, fileIds: files.ids } : request.scope;

  const scan = async (nearest: Nearest, after: number): Promise<readonly Scored[]> => {
    for (;;) {
      const rows = await passages.vectorsAfter(scope, after, SCAN_ROWS);
      for (const { label, embedding } of rows) nearest.add(label, embedding);
      if (rows.length < SCAN_ROWS) return nearest.best;
      after = rows.at(-1)!.label;
    }
  };

  // A store of which a filter leaves little is as good as a small one.
  const storePassages = files ? files.passages : await passages.count(scope);
  if (storePassages === 0) return [];
  const tenantPassages = await passages.count({ tenant: scope.tenant, storeId: null });
  const plan = planSearch({ storePassages, tenantPassages, topK, exactLimit });
  if (plan.kind === 'approximate') {
    const nearest = new Nearest(vector, topK);
    const { labels, lastLabel } = await indexes.nominate(scope.tenant, vector, plan.candidates);
    const rows = await passages.vectorsOf(scope, labels);
    for (const { label, embedding } of rows) nearest.add(label, embedding);
    // Too few of the candidates were in this store: its passages lie far from the query, or the index is not to be trusted.
    const isShort = rows.length < topK && lastLabel > 0;
    if (!isShort) return scan(nearest, lastLabel);
  }
  return scan(new Nearest(vector, topK), 0);
}
