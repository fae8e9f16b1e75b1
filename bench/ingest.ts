/**
 * Ingestion: the documents of the demo into the retrieval process with its real model, once as at a first start, with the vectors that are
 * shipped, and once without them; and a sample of their passages through the pipeline of transformers.js on the same model, in its stock operators.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { env, pipeline } from '@huggingface/transformers';
import { loadConfig } from '../src/config/load.js';
import type { Config } from '../src/config/schema.js';
import type { Retrieval } from '../src/contracts/retrieval.js';
import { readDocuments, sampleVectorsFile, seedDocuments } from '../src/demo/documents.js';
import { DEMO_TENANTS } from '../src/demo/tenants.js';
import { embeddedText } from '../src/retrieval/chunking/chunk-file.js';
import { openDatabase } from '../src/retrieval/stores/database.js';
import type { Bench } from './main.js';
import { quantile } from './retrieval/quantile.js';
import { openRetrieval } from './retrieval/samples.js';

const SAMPLE = { quick: 32, whole: 128 };
const BATCH = 8;

const run: Bench = async ({ quick, say }) => {
  const config = loadConfig();
  const modelDir = resolve(config.dataDir, 'models', config.models.embedder);
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-bench-'));
  try {
    say('Reading the documents of the demo, as at a first start.');
    const first = await readSamples(config, join(folder, 'first'), sampleVectorsFile(config.models.embedder), quick);
    say('Once more, embedding them all.');
    const embedded = await readSamples(config, join(folder, 'embedded'), null, quick);
    say('The same passages through transformers.js.');
    const texts = await samplePassages(join(folder, 'embedded'), quick ? SAMPLE.quick : SAMPLE.whole);
    const theirs = await pipelineTextsPerSecond(modelDir, texts);
    const perSecond = embedded.passages / embedded.seconds;
    return {
      passages: embedded.passages,
      passages_per_s: perSecond,
      transformersjs_per_s: theirs,
      over_transformersjs: perSecond / theirs,
      sample_documents_s: first.seconds,
      sample_documents_embedded_s: embedded.seconds,
      search_while_ingesting_ms_p50: embedded.searchMs,
      rss_mb: embedded.rssBytes / 1e6,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};
export default run;

/** Until all of them can be found by their vectors. */
async function readSamples(config: Config, dataDir: string, shippedVectorsFile: string | null, quick: boolean) {
  const retrieval = await openRetrieval(config, dataDir, shippedVectorsFile);
  try {
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
    return { passages, rssBytes, seconds, searchMs: quantile(searches, 0.5) };
  } finally {
    await retrieval.close();
  }
}

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
    const rows = await db
      .selectFrom('passages')
      .innerJoin('files', 'files.id', 'passages.file_id')
      .select(['filename', 'heading_path', 'text'])
      .orderBy('label')
      .execute();
    const step = Math.max(1, Math.floor(rows.length / count));
    return rows
      .filter((_, i) => i % step === 0)
      .slice(0, count)
      .map(({ filename, heading_path, text }) =>
        embeddedText(filename, { headingPath: JSON.parse(heading_path), text }),
      );
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
