/**
 * Search by vectors at sizes that the samples do not reach: recall of the index on real embeddings beside other libraries, and
 * what a search of the document store takes with 100,000 and a million passages of one tenant.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { loadConfig } from '../src/config/load.js';
import type { Config } from '../src/config/schema.js';
import type { DocumentStore } from '../src/retrieval/documents/document-store.js';
import { openSqliteDocuments } from '../src/retrieval/documents/sqlite.js';
import { HnswIndex } from '../src/retrieval/hnsw/hnsw-index.js';
import { Nearest } from '../src/retrieval/search/nearest.js';
import type { Bench } from './main.js';
import { clusteredVectors, inventedPassage } from './retrieval/clustered.js';
import { addFile, documentsOptions } from './retrieval/documents.js';
import { packageVectors } from './retrieval/package-vectors.js';
import { quantile } from './retrieval/quantile.js';
import { randomNumbers } from './retrieval/random.js';

const DIMENSIONS = 384;
const NEIGHBOURS = 10;
const TENANT = 'bench';
const PASSAGES_A_FILE = 500;
const SEARCHES = 1000;
const SIZES = {
  quick: { real: 3000, first: 5000, whole: 10_000 },
  whole: { real: 50_000, first: 100_000, whole: 1_000_000 },
};

const run: Bench = async ({ quick, say }) => {
  const sizes = SIZES[quick ? 'quick' : 'whole'];
  const config = loadConfig();
  say(`Embedding ${sizes.real} passages of what installed packages say of themselves, where they are not yet.`);
  const recall = measureRecall(config, await packageVectors(config, sizes.real));
  const dataDir = mkdtempSync(join(tmpdir(), 'switchyard-bench-'));
  try {
    return { ...recall, ...(await measureStore(config, dataDir, sizes, say)) };
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
};
export default run;

/** The last of the vectors are queries. */
function measureRecall({ retrieval }: Config, vectors: readonly Float32Array[]): Record<string, number> {
  const [queries, points] = [vectors.slice(-200), vectors.slice(0, -200)];
  const { indexM: links, efConstruction, efSearch } = retrieval;
  const index = HnswIndex.create({ dimensions: DIMENSIONS, links, efConstruction, efSearch }, points.length);
  for (const [n, vector] of points.entries()) index.add(n + 1, vector);
  let hits = 0;
  const times: number[] = [];
  for (const query of queries) {
    const exact = new Nearest(query, NEIGHBOURS);
    for (const [n, vector] of points.entries()) exact.add(n + 1, vector);
    const startedAt = performance.now();
    const found = index.search(query, NEIGHBOURS);
    times.push(performance.now() - startedAt);
    hits += exact.best.filter(({ label }) => found.includes(label)).length;
  }
  return {
    real_passages: points.length,
    recall_at_10: hits / (NEIGHBOURS * queries.length),
    index_ms_p99: quantile(times, 0.99),
  };
}

/** Whole searches of the store in the mode `vector`, rows and checks included, all in one thread as in the retrieval process. */
async function measureStore(
  config: Config,
  dataDir: string,
  sizes: { first: number; whole: number },
  say: (line: string) => void,
): Promise<Record<string, number>> {
  const rssBefore = process.memoryUsage().rss;
  const documents = await openSqliteDocuments(
    dataDir,
    documentsOptions(config, { digest: 'invented', dimensions: DIMENSIONS }),
  );
  const { id: storeId } = await documents.createStore(TENANT, { name: 'documents', metadata: {} });
  const random = randomNumbers(1);
  const vector = clusteredVectors(random, DIMENSIONS, sizes.whole);
  const grow = async (from: number, to: number) => {
    for (let count = from; count < to; count += PASSAGES_A_FILE) {
      const passages = Array.from({ length: PASSAGES_A_FILE }, () => inventedPassage(random, vector()));
      await addFile(documents, TENANT, storeId, `${count}.md`, passages);
      // As in the process: what waits for this thread has its turn.
      await nextTurn();
    }
  };
  const search = () => timeOf(() => find(documents, storeId, vector()));
  const searchAll = async () => {
    const times: number[] = [];
    for (let n = 0; n < SEARCHES; n++) times.push(await search());
    return times;
  };
  const settle = async () => {
    // While rows wait to be added to the index, a search compares them one by one.
    while ((await search()) > 20 || (await search()) > 20) await sleep(500);
  };

  say(`Adding ${sizes.first} passages of one tenant.`);
  const startedAt = performance.now();
  await grow(0, sizes.first);
  await settle();
  const indexedS = (performance.now() - startedAt) / 1000;
  const quiet = await searchAll();
  const ingesting: number[] = [];
  let isGrowing = true;
  const growing = grow(sizes.first, sizes.first * 1.1).finally(() => {
    isGrowing = false;
  });
  while (isGrowing) {
    ingesting.push(await search());
    await sleep(5);
  }
  await growing;
  say(`Adding the rest of ${sizes.whole}.`);
  await grow(sizes.first * 1.1, sizes.whole);
  await settle();
  const large = await searchAll();
  const rss = process.memoryUsage().rss;
  await documents.close();
  return {
    passages_per_s: sizes.first / indexedS,
    p50_ms_100k: quantile(quiet, 0.5),
    p99_ms_100k: quantile(quiet, 0.99),
    p99_ms_100k_while_ingesting: quantile(ingesting, 0.99),
    p50_ms_1m: quantile(large, 0.5),
    p99_ms_1m: quantile(large, 0.99),
    rss_mb_1m: (rss - rssBefore) / 1e6,
    // As `index.bytes` says beforehand; rows stay on the disk.
    computed_mb_1m: (sizes.whole * (4 * DIMENSIONS + 8 * config.retrieval.indexM + 64)) / 1e6,
  };
}

async function timeOf(action: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await action();
  return performance.now() - startedAt;
}

function find(documents: DocumentStore, storeId: string, vector: Float32Array) {
  const search = { tenant: TENANT, storeIds: [storeId], groups: [], filter: null, topK: NEIGHBOURS, minScore: 0 };
  const parts = [{ text: '', vector }];
  return documents.find({ ...search, mode: 'vector', parts }, new AbortController().signal);
}
