/** Many tenants with few documents each: what the retrieval process takes with all of them, and the first query of each. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadConfig } from '../src/config/load.js';
import type { Config } from '../src/config/schema.js';
import type { Retrieval } from '../src/contracts/retrieval.js';
import { openSqliteDocuments } from '../src/retrieval/documents/sqlite.js';
import type { Bench } from './main.js';
import { clusteredVectors, inventedPassage } from './retrieval/clustered.js';
import { addFile, documentsOptions, openEmbedder } from './retrieval/documents.js';
import { onlyModel } from './retrieval/only-model.js';
import { quantile } from './retrieval/quantile.js';
import { randomNumbers } from './retrieval/random.js';
import { openRetrieval } from './retrieval/samples.js';

const TENANTS = { quick: 100, whole: 1000 };
const FILES = 4;
const PASSAGES_A_FILE = 50;

const run: Bench = async ({ quick, say }) => {
  const tenants = Array.from({ length: TENANTS[quick ? 'quick' : 'whole'] }, (_, n) => `tenant-${n}`);
  const config = loadConfig();
  const dataDir = mkdtempSync(join(tmpdir(), 'switchyard-bench-'));
  try {
    say(`${FILES * PASSAGES_A_FILE} passages for each of ${tenants.length} tenants.`);
    await fill(config, dataDir, tenants);
    const retrieval = await openRetrieval(config, dataDir);
    try {
      const [cold, warm] = [await askAll(retrieval, tenants), await askAll(retrieval, tenants)];
      // The status is sent once a second.
      await sleep(1500);
      return {
        tenants: tenants.length,
        passages: retrieval.status().passages,
        rss_mb_1000: Math.round(retrieval.status().rssBytes / 1e6),
        cold_p50_ms: quantile(cold, 0.5),
        cold_p95_ms: quantile(cold, 0.95),
        warm_p95_ms: quantile(warm, 0.95),
      };
    } finally {
      await retrieval.close();
    }
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
};
export default run;

async function fill(config: Config, dataDir: string, tenants: readonly string[]): Promise<void> {
  const embedder = await openEmbedder(config);
  const documents = await openSqliteDocuments(dataDir, documentsOptions(config, onlyModel(embedder)));
  const random = randomNumbers(1);
  const vector = clusteredVectors(random, embedder.dimensions, tenants.length * FILES * PASSAGES_A_FILE);
  for (const tenant of tenants) {
    const store = await documents.createStore(tenant, { name: 'documents', metadata: {} });
    for (let n = 0; n < FILES; n++) {
      const passages = Array.from({ length: PASSAGES_A_FILE }, () => inventedPassage(random, vector()));
      await addFile(documents, tenant, store.id, `${n}.md`, passages);
    }
  }
  await documents.close();
}

/** A query of each tenant, one after another, in milliseconds. */
async function askAll(retrieval: Retrieval, tenants: readonly string[]): Promise<number[]> {
  const times: number[] = [];
  for (const [n, tenant] of tenants.entries()) {
    const request = {
      storeIds: [],
      groups: [],
      context: '',
      mode: 'hybrid',
      filter: null,
      topK: 4,
      minScore: 0,
    } as const;
    const startedAt = performance.now();
    const query = `What does w${n} say about w${n % 7}?`;
    await retrieval.search({ ...request, tenant, query }, new AbortController().signal);
    times.push(performance.now() - startedAt);
  }
  return times;
}
