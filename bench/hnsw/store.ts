/** Whole searches of a document store with many passages of one tenant: in the mode `vector`, rows and checks included, all in one thread as in the retrieval process. */
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../../src/config/schema.js';
import type { DocumentStore } from '../../src/retrieval/documents/document-store.js';
import { openSqliteDocuments } from '../../src/retrieval/documents/sqlite.js';
import { clusteredVectors, inventedPassage } from '../retrieval/clustered.js';
import { addFile, documentsOptions } from '../retrieval/documents.js';
import { onlyModel } from '../retrieval/only-model.js';
import { quantile } from '../retrieval/quantile.js';
import { randomNumbers } from '../retrieval/random.js';

const DIMENSIONS = 384;
const NEIGHBOURS = 10;
const TENANT = 'bench';
const PASSAGES_A_FILE = 500;
const SEARCHES = 1000;
/** Added while it is searched: that share of what is there, or that many. */
const GROWTH = { share: 0.1, most: 10_000 };
/** A search takes longer while rows wait for the index, and are compared one by one. */
const SETTLED_MS = 20;

/** @param name of the size, which the figures end with */
export async function measureStore(
  config: Config,
  dataDir: string,
  size: number,
  name: string,
): Promise<Record<string, number>> {
  const rssBefore = process.memoryUsage().rss;
  const documents = await openSqliteDocuments(
    dataDir,
    documentsOptions(config, onlyModel({ digest: 'invented', dimensions: DIMENSIONS })),
  );
  const { id: storeId } = await documents.createStore(TENANT, { name: 'documents', metadata: {} });
  const random = randomNumbers(1);
  const vector = clusteredVectors(random, DIMENSIONS, size);
  const grow = async (from: number, to: number) => {
    for (let count = from; count < to; count += PASSAGES_A_FILE) {
      const passages = Array.from({ length: PASSAGES_A_FILE }, () => inventedPassage(random, vector()));
      await addFile(documents, TENANT, storeId, `${count}.md`, passages);
      // As in the process: what waits for this thread has its turn.
      await nextTurn();
    }
  };
  const search = () => timeOf(() => find(documents, storeId, vector()));
  const settle = async () => {
    const several = async () => [await search(), await search(), await search(), await search(), await search()];
    while (quantile(await several(), 0.5) > SETTLED_MS) await sleep(500);
  };

  const startedAt = performance.now();
  await grow(0, size);
  await settle();
  const indexedS = (performance.now() - startedAt) / 1000;
  const rss = process.memoryUsage().rss;
  const quiet: number[] = [];
  for (let n = 0; n < SEARCHES; n++) quiet.push(await search());
  const ingesting: number[] = [];
  let isGrowing = true;
  const growing = grow(size, size + Math.min(GROWTH.most, GROWTH.share * size)).finally(() => {
    isGrowing = false;
  });
  while (isGrowing) {
    ingesting.push(await search());
    await sleep(5);
  }
  await growing;
  await documents.close();
  return {
    [`passages_per_s_${name}`]: size / indexedS,
    [`p50_ms_${name}`]: quantile(quiet, 0.5),
    [`p99_ms_${name}`]: quantile(quiet, 0.99),
    [`p50_ms_${name}_while_ingesting`]: quantile(ingesting, 0.5),
    [`p99_ms_${name}_while_ingesting`]: quantile(ingesting, 0.99),
    [`rss_mb_${name}`]: (rss - rssBefore) / 1e6,
    // As `index.bytes` says beforehand; rows stay on the disk.
    [`computed_mb_${name}`]: (size * (4 * DIMENSIONS + 8 * config.retrieval.indexM + 64)) / 1e6,
  };
}

async function timeOf(action: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await action();
  return performance.now() - startedAt;
}

function find(documents: DocumentStore, storeId: string, vector: Float32Array) {
  const search = {
    tenant: TENANT,
    groups: [],
    filter: null,
    topK: NEIGHBOURS,
    minScore: 0,
    diversity: 0,
  };
  const queries = [{ embedder: 'invented', storeIds: [storeId], parts: [{ text: '', vector }] }];
  return documents.find({ ...search, mode: 'vector', queries }, new AbortController().signal);
}
