/** Whole searches of a document store with many passages of one tenant: in the mode `vector`, rows and checks included, all in one thread as in the retrieval process. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../../src/config/schema.js';
import type { DocumentStore } from '../../src/retrieval/documents/document-store.js';
import { openSqliteDocuments } from '../../src/retrieval/documents/sqlite.js';
import type { NewPassage } from '../../src/retrieval/stores/store-files.js';
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

export interface StorePart {
  /** Where the store is. What lies there of a run that ended too soon is used. */
  readonly folder: string;
  /** Passages. */
  readonly size: number;
  /** Of the size, which the figures end with. */
  readonly name: string;
  /** For which the store is filled. */
  readonly minutes: number;
  readonly say: (line: string) => void;
}

/** Null where the time was over before all was added and indexed. */
export async function measureStore(config: Config, part: StorePart): Promise<Record<string, number> | null> {
  const { folder, size, name, minutes, say } = part;
  mkdirSync(folder, { recursive: true });
  const rssBefore = process.memoryUsage().rss;
  const documents = await openSqliteDocuments(
    folder,
    documentsOptions(config, onlyModel({ digest: 'invented', dimensions: DIMENSIONS })),
  );
  const storeId = await storeOf(documents);
  const there = await documents.countPassages();
  // A run that was killed left none.
  const fileOf = (count: number) => join(folder, `seconds-until-${count}`);
  const known = existsSync(fileOf(there)) ? Number(readFileSync(fileOf(there), 'utf8')) : null;
  const secondsBefore = there === 0 ? 0 : known;
  const random = randomNumbers(1);
  const vector = clusteredVectors(random, DIMENSIONS, size);
  const passage = () => inventedPassage(random, vector());
  for (let n = 0; n < there; n++) passage();
  const startedAt = performance.now();
  const seconds = () => (performance.now() - startedAt) / 1000;
  const isOver = () => seconds() > 60 * minutes;
  const search = () => timeOf(() => find(documents, storeId, vector()));

  say(`Adding ${Math.max(0, size - there)} of ${size} passages of one tenant.`);
  let count = await grow({ documents, storeId, passage }, there, size, isOver);
  const several = async () => [await search(), await search(), await search(), await search(), await search()];
  while (!isOver() && quantile(await several(), 0.5) > SETTLED_MS) await sleep(500);
  const indexedS = secondsBefore === null ? null : secondsBefore + seconds();
  if (isOver()) {
    await documents.close();
    if (indexedS !== null) writeFileSync(fileOf(count), String(indexedS));
    say(`${count} of ${size} passages are there, not all of them indexed. Run it again: it goes on.`);
    return null;
  }
  const rss = process.memoryUsage().rss;
  const quiet: number[] = [];
  for (let n = 0; n < SEARCHES; n++) quiet.push(await search());
  const ingesting: number[] = [];
  let isGrowing = true;
  const most = count + Math.min(GROWTH.most, GROWTH.share * size);
  const growing = grow({ documents, storeId, passage }, count, most).finally(() => {
    isGrowing = false;
  });
  while (isGrowing) {
    ingesting.push(await search());
    await sleep(5);
  }
  count = await growing;
  await documents.close();
  return {
    [`passages_${name}`]: count,
    ...(indexedS !== null && { [`passages_per_s_${name}`]: size / indexedS }),
    [`p50_ms_${name}`]: quantile(quiet, 0.5),
    [`p99_ms_${name}`]: quantile(quiet, 0.99),
    [`p50_ms_${name}_while_ingesting`]: quantile(ingesting, 0.5),
    [`p99_ms_${name}_while_ingesting`]: quantile(ingesting, 0.99),
    [`rss_mb_${name}`]: (rss - rssBefore) / 1e6,
    // As `index.bytes` says beforehand; rows stay on the disk.
    [`computed_mb_${name}`]: (size * (4 * DIMENSIONS + 8 * config.retrieval.indexM + 64)) / 1e6,
  };
}

/** The only one that there is, or a new one. */
async function storeOf(documents: DocumentStore): Promise<string> {
  const { items } = await documents.listStores(TENANT, { limit: 1, after: null, order: 'asc' });
  return (items[0] ?? (await documents.createStore(TENANT, { name: 'documents', metadata: {} }))).id;
}

interface Growing {
  readonly documents: DocumentStore;
  readonly storeId: string;
  readonly passage: () => NewPassage;
}

/** @returns how many there are then */
async function grow(
  { documents, storeId, passage }: Growing,
  from: number,
  to: number,
  isOver = () => false,
): Promise<number> {
  let count = from;
  for (; count < to && !isOver(); count += PASSAGES_A_FILE) {
    await addFile(documents, TENANT, storeId, `${count}.md`, Array.from({ length: PASSAGES_A_FILE }, passage));
    // As in the process: what waits for this thread has its turn.
    await nextTurn();
  }
  return count;
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
