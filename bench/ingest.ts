/**
 * Ingestion: the documents of the demo into the retrieval process with its real model, and a sample of their passages
 * through the pipeline of transformers.js on the same model, in its stock operators.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { env, pipeline } from '@huggingface/transformers';
import { loadConfig } from '../src/config/load.js';
import { readDocuments, seedDocuments } from '../src/demo/documents.js';
import { DEMO_TENANTS } from '../src/demo/tenants.js';
import { createRetrieval } from '../src/retrieval/client.js';
import { openDatabase } from '../src/retrieval/stores/database.js';
import type { Bench } from './main.js';

const SAMPLE = { quick: 32, whole: 128 };
const BATCH = 8;

const run: Bench = async ({ quick, say }) => {
  const { dataDir, models, retrieval: config, database, server } = loadConfig();
  const modelDir = resolve(dataDir, 'models', models.embedder);
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-bench-'));
  const retrieval = await createRetrieval({
    dataDir: folder,
    modelDir,
    baseModelDir: resolve(dataDir, 'models', models.base),
    config,
    database,
    callTimeoutMs: server.requestTimeoutMs,
    hangTimeoutMs: server.hangTimeoutMs,
    clock: { now: Date.now, monotonicMs: () => performance.now() },
    log: { warn() {}, error: (fields, message) => say(`${message} ${JSON.stringify(fields)}`) },
  });
  try {
    say('Reading the documents of the demo.');
    const startedAt = performance.now();
    const searches: number[] = [];
    for (const { id, assistant } of DEMO_TENANTS) {
      const documents = readDocuments(assistant?.documents ?? [], '.');
      await seedDocuments(retrieval, id, quick ? documents.slice(0, 12) : documents);
    }
    do {
      await sleep(200);
      searches.push(await searchMs(retrieval));
    } while ((await waiting(retrieval)) > 0);
    const seconds = (performance.now() - startedAt) / 1000;
    // The status is sent once a second.
    await sleep(1500);
    const { passages, rssBytes } = retrieval.status();
    await retrieval.close();

    say('The same passages through transformers.js.');
    const texts = await samplePassages(folder, quick ? SAMPLE.quick : SAMPLE.whole);
    const perSecond = passages / seconds;
    const theirs = await pipelineTextsPerSecond(modelDir, texts);
    searches.sort((a, b) => a - b);
    return {
      passages,
      passages_per_s: perSecond,
      transformersjs_per_s: theirs,
      over_transformersjs: perSecond / theirs,
      sample_documents_s: seconds,
      search_while_ingesting_ms_p50: searches[searches.length >> 1]!,
      rss_mb: rssBytes / 1e6,
    };
  } finally {
    await retrieval.close();
    rmSync(folder, { recursive: true, force: true });
  }
};
export default run;

type Retrieval = Awaited<ReturnType<typeof createRetrieval>>;

async function waiting(retrieval: Retrieval): Promise<number> {
  let files = 0;
  for (const { id } of DEMO_TENANTS) {
    const { items } = await retrieval.listStores(id, { limit: 10, after: null, order: 'asc' });
    files += items.reduce((sum, { fileCounts }) => sum + fileCounts.inProgress, 0);
  }
  return files;
}

async function searchMs(retrieval: Retrieval): Promise<number> {
  const startedAt = performance.now();
  const query = 'What is the default body limit?';
  await retrieval.search(
    {
      tenant: 'copilot',
      storeIds: [],
      groups: [],
      query,
      context: '',
      mode: 'hybrid',
      filter: null,
      topK: 3,
      minScore: -1,
    },
    new AbortController().signal,
  );
  return performance.now() - startedAt;
}

/** Passages as they are embedded, from all over the database. */
async function samplePassages(folder: string, count: number): Promise<string[]> {
  const db = openDatabase(join(folder, 'documents.db'));
  try {
    const rows = await db.selectFrom('passages').select(['heading_path', 'text']).orderBy('label').execute();
    const step = Math.max(1, Math.floor(rows.length / count));
    return rows
      .filter((_, i) => i % step === 0)
      .slice(0, count)
      .map(({ heading_path, text }) => `${(JSON.parse(heading_path) as string[]).join(' › ')}\n${text}`);
  } finally {
    await db.destroy();
  }
}

async function pipelineTextsPerSecond(modelDir: string, texts: readonly string[]): Promise<number> {
  env.allowRemoteModels = false;
  env.localModelPath = resolve(modelDir, '..');
  const embed = await pipeline('feature-extraction', modelDir.slice(env.localModelPath.length + 1), { dtype: 'q8' });
  const batches = Array.from({ length: texts.length / BATCH }, (_, i) => texts.slice(i * BATCH, (i + 1) * BATCH));
  await embed(batches[0]!, { pooling: 'cls', normalize: true });
  const startedAt = performance.now();
  for (const batch of batches) await embed(batch, { pooling: 'cls', normalize: true });
  const seconds = (performance.now() - startedAt) / 1000;
  await embed.dispose();
  return (batches.length * BATCH) / seconds;
}
