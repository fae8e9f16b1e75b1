/** Retrieval: what is found, and the process with its real model. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadConfig } from '../src/config/load.js';
import type { Config } from '../src/config/schema.js';
import type { Retrieval } from '../src/contracts/retrieval.js';
import type { Bench } from './main.js';
import { measureLanguages } from './retrieval/languages.js';
import { comparePgvector } from './retrieval/pgvector.js';
import { quantile } from './retrieval/quantile.js';
import { measureRecall } from './retrieval/recall.js';
import { MULTILINGUAL, openRetrieval } from './retrieval/samples.js';

const TENANT = 'bench';

const run: Bench = async ({ quick, say }) => {
  const config = loadConfig();
  say('Embedding the sample documents, where they are not yet, then asking.');
  const found = await measureRecall(config, quick);
  say('The same documents with the multilingual embedder, and Debian’s FAQ.');
  const languages = await measureLanguages(config, { embedder: MULTILINGUAL, half: 'blind', quick });
  say('The same documents in PostgreSQL with pgvector.');
  const compared = await comparePgvector(config, quick);
  say('Embedding documents, and searching meanwhile.');
  return {
    ...found,
    ...languages,
    ...compared,
    ...(await measureProcess(config, quick ? 60 : 400)),
  };
};
export default run;

async function measureProcess(config: Config, documents: number): Promise<Record<string, number>> {
  const dataDir = mkdtempSync(join(tmpdir(), 'switchyard-bench-'));
  const startedAt = performance.now();
  const retrieval = await openRetrieval(config, dataDir);
  try {
    const startMs = performance.now() - startedAt;
    const ingestedAt = performance.now();
    const whileIngesting = await ingest(retrieval, documents);
    const ingestS = (performance.now() - ingestedAt) / 1000;
    // The status is sent once a second.
    await sleep(1500);
    const { passages, rssBytes } = retrieval.status();
    const searches = [];
    for (let n = 0; n < 100; n++) searches.push(await search(retrieval, `What is the limit of rule ${n}?`));
    return {
      start_ms: startMs,
      passages,
      ingest_passages_per_s: passages / ingestS,
      search_ms_p50: quantile(
        searches.map(({ totalMs }) => totalMs),
        0.5,
      ),
      search_ms_p99: quantile(
        searches.map(({ totalMs }) => totalMs),
        0.99,
      ),
      search_embed_ms_p50: quantile(
        searches.map(({ embedMs }) => embedMs),
        0.5,
      ),
      search_scan_ms_p50: quantile(
        searches.map(({ searchMs }) => searchMs),
        0.5,
      ),
      search_while_ingesting_ms_p99: quantile(whileIngesting, 0.99),
      rss_mb: rssBytes / 1e6,
    };
  } finally {
    await retrieval.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

/** Latencies of searches that went on meanwhile. */
async function ingest(retrieval: Retrieval, documents: number): Promise<number[]> {
  const store = await retrieval.createStore(TENANT, { name: 'bench', metadata: {} });
  for (let n = 0; n < documents; n++) {
    const content = Buffer.from(
      `# Policy ${n}\n\n${`Rule ${n} says that the limit is ${n * 7} euros a day, or less. `.repeat(8)}`,
    );
    const file = await retrieval.createFile(TENANT, { filename: `${n}.md`, purpose: 'assistants', content });
    await retrieval.attachFile(TENANT, store.id, { fileId: file.id, attributes: {} });
  }
  const latencies: number[] = [];
  while ((await retrieval.getStore(TENANT, store.id)).fileCounts.inProgress > 0) {
    latencies.push((await search(retrieval, 'What is the limit?')).totalMs);
    await sleep(100);
  }
  return latencies;
}

async function search(retrieval: Retrieval, query: string) {
  const startedAt = performance.now();
  const request = {
    tenant: TENANT,
    storeIds: [],
    groups: [],
    query,
    context: '',
    mode: 'hybrid',
    filter: null,
    topK: 3,
    minScore: 0,
  } as const;
  const { timings } = await retrieval.search(request, new AbortController().signal);
  return { ...timings, totalMs: performance.now() - startedAt };
}
