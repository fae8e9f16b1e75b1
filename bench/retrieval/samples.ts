/** The sample documents, embedded once and kept, and the questions that can be asked about them. */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../../src/config/schema.js';
import type { EvalQuestion } from '../../src/contracts/evaluations.js';
import type { Retrieval } from '../../src/contracts/retrieval.js';
import { readDocuments, seedDocuments } from '../../src/demo/documents.js';
import { DEMO_TENANTS } from '../../src/demo/tenants.js';
import { readDataset } from '../../src/evaluation/dataset.js';
import { findFiles } from '../../src/files/find-files.js';
import { createRetrieval } from '../../src/retrieval/client.js';

/**
 * Development sets (indexes/README.md). `eval` asks in the documents' own words; the others as those ask who do not know them, or not only, and
 * `languages` in other languages.
 */
export type QuestionSet = 'eval' | 'reworded' | 'everyday' | 'labelled' | 'first' | 'languages';

/** What an embedder that reads many languages is judged by, beside what all are. */
export const MULTILINGUAL = 'multilingual-e5-small';

export function questionSetsFor(embedder: string): readonly QuestionSet[] {
  const sets = ['eval', 'reworded', 'everyday', 'labelled', 'first'] as const;
  return embedder === MULTILINGUAL ? [...sets, 'languages'] : sets;
}

export const TENANTS = DEMO_TENANTS.filter(({ assistant }) => assistant !== null).map(({ id }) => id);

export function questionsOf(tenant: string, set: QuestionSet): EvalQuestion[] {
  return readDataset(`indexes/${tenant}/${set}.jsonl`);
}

/** A question, and what the same person asked before it. */
export interface FollowUp {
  readonly question: EvalQuestion;
  readonly before: readonly string[];
}

/** Sets that nothing was chosen by. */
const BLIND_SETS = ['blind', 'blind-2'];

export type QuestionKind = 'plain' | 'paraphrased' | 'practical';

/** With and without an answer. Broad ones, to which several passages are right, are left out. */
export function blindQuestionsOf(tenant: string): { readonly question: EvalQuestion; readonly kind: QuestionKind }[] {
  return BLIND_SETS.flatMap((set) => {
    const file = `indexes/${tenant}/${set}.jsonl`;
    const lines = readFileSync(file, 'utf8').trim().split('\n');
    const questions = readDataset(file).map((question, index) => ({ question, kind: JSON.parse(lines[index]!).kind }));
    return questions.filter(({ kind }) => kind !== 'broad');
  });
}

export function followUpsOf(tenant: string): FollowUp[] {
  const file = `indexes/${tenant}/follow-ups.jsonl`;
  const lines = readFileSync(file, 'utf8').trim().split('\n');
  return readDataset(file).map((question, index) => ({ question, before: JSON.parse(lines[index]!).before }));
}

/** Kept between runs as long as documents are cut and embedded in the same way: the vectors take two minutes of a core. */
export function samplesFolder({ dataDir, models, retrieval }: Config): string {
  const hash = createHash('sha256').update(JSON.stringify([retrieval.passageTokens, retrieval.overlapTokens]));
  for (const file of findFiles('src/retrieval/chunking'))
    hash.update(readFileSync(join('src/retrieval/chunking', file)));
  const folder = join(dataDir, 'bench', `${models.embedder}-${hash.digest('hex').slice(0, 12)}`);
  mkdirSync(folder, { recursive: true });
  return folder;
}

export async function openRetrieval(
  config: Config,
  dataDir: string,
  shippedVectorsFile: string | null = null,
): Promise<Retrieval> {
  const models = join(config.dataDir, 'models');
  return createRetrieval({
    dataDir,
    modelDir: join(models, config.models.embedder),
    baseModelDir: join(models, config.models.base),
    shippedVectorsFile,
    config: config.retrieval,
    database: config.database,
    callTimeoutMs: config.server.requestTimeoutMs,
    hangTimeoutMs: config.server.hangTimeoutMs,
    clock: { now: Date.now, monotonicMs: () => performance.now() },
    log: { warn() {}, error() {} },
  });
}

/** Resolves when all sample documents are searchable. */
export async function addSamples(retrieval: Retrieval): Promise<void> {
  for (const { id, assistant } of DEMO_TENANTS) {
    if (!assistant) continue;
    const documents = readDocuments(assistant.documents, '.');
    await seedDocuments(retrieval, id, documents);
  }
  do await sleep(500);
  while (await isReading(retrieval));
}

async function isReading(retrieval: Retrieval): Promise<boolean> {
  const stores = await Promise.all(
    TENANTS.map((tenant) => retrieval.listStores(tenant, { limit: 1, after: null, order: 'asc' })),
  );
  return stores.some(({ items }) => items.some(({ fileCounts }) => fileCounts.inProgress > 0));
}
