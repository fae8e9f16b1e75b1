/** A document store in this process, as the retrieval process opens it, and files that are put into it with vectors of the caller's. */
import { join } from 'node:path';
import type { Config } from '../../src/config/schema.js';
import { readEmbedderManifest } from '../../src/layouts/manifest.js';
import type { DocumentStore } from '../../src/retrieval/documents/document-store.js';
import type { DocumentsOptions } from '../../src/retrieval/documents/options.js';
import { FileTerms } from '../../src/retrieval/lexical/file-terms.js';
import { type Embedder, loadEmbedder } from '../../src/retrieval/process/embedder.js';
import { createPace } from '../../src/retrieval/process/pace.js';
import { createWorkQueue } from '../../src/retrieval/process/queue.js';
import { relevanceFor } from '../../src/retrieval/search/relevance.js';
import type { NewPassage } from '../../src/retrieval/stores/store-files.js';

const clock = { now: Date.now, monotonicMs: () => performance.now() };

export async function openEmbedder({ dataDir, models, retrieval }: Config): Promise<Embedder> {
  const modelDir = join(dataDir, 'models', models.embedder);
  return loadEmbedder(modelDir, await readEmbedderManifest(modelDir), retrieval.threads);
}

export function documentsOptions(config: Config, models: DocumentsOptions['models']): DocumentsOptions {
  const relevance = relevanceFor(config.models.embedder);
  return {
    config: config.retrieval,
    models,
    relevanceOf: () => relevance,
    queue: createWorkQueue(createPace({ nowMs: clock.monotonicMs, waitedMs: () => 0 }), clock.monotonicMs),
    atOnce: 1,
    clock,
    onObservation() {},
    onError: (error, what) => process.stderr.write(`${what}: ${error}\n`),
    onAdopted() {},
  };
}

/** A file that was read and embedded already. */
export async function addFile(
  documents: DocumentStore,
  tenant: string,
  storeId: string,
  filename: string,
  passages: readonly NewPassage[],
): Promise<void> {
  const file = await documents.createFile(tenant, { filename, purpose: 'assistants', content: Buffer.from('copied') });
  await documents.attachFile(tenant, storeId, { fileId: file.id, attributes: {} });
  const claim = { holder: 'bench', afterTenant: '', except: [], leaseMs: 60_000, nowMs: Date.now() };
  const lease = (await documents.jobs.claim('ingest', claim))!;
  const terms = new FileTerms();
  for (const passage of passages) terms.add(filename, passage);
  await documents.complete(lease, await documents.load(lease), passages, terms);
}
