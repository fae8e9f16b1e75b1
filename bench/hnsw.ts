/**
 * Search by vectors at sizes that the samples do not reach: recall of the index on real embeddings beside other libraries, and
 * what a search of the document store takes with 100,000 and a million passages of one tenant. `HNSW_PARTS=real,100k,1m` names what is measured.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../src/config/load.js';
import { measureRecall } from './hnsw/recall.js';
import { measureStore } from './hnsw/store.js';
import type { Bench } from './main.js';
import { packageVectors } from './retrieval/package-vectors.js';

const SIZES = {
  quick: { real: 3000, '100k': 5000, '1m': 10_000 },
  whole: { real: 50_000, '100k': 100_000, '1m': 1_000_000 },
};

const run: Bench = async ({ quick, say }) => {
  const sizes = SIZES[quick ? 'quick' : 'whole'];
  const parts = (process.env.HNSW_PARTS ?? Object.keys(sizes).join()).split(',');
  const unknown = parts.find((part) => !(part in sizes));
  if (unknown !== undefined) throw new Error(`HNSW_PARTS names ${unknown}: it takes ${Object.keys(sizes).join()}`);
  const config = loadConfig();
  let figures: Record<string, number> = {};
  if (parts.includes('real')) {
    say(`Embedding ${sizes.real} passages of what installed packages say of themselves, where they are not yet.`);
    figures = await measureRecall(config, await packageVectors(config, sizes.real), say);
  }
  for (const part of ['100k', '1m'] as const) {
    if (!parts.includes(part)) continue;
    const dataDir = mkdtempSync(join(tmpdir(), 'switchyard-bench-'));
    try {
      say(`Adding ${sizes[part]} passages of one tenant.`);
      figures = { ...figures, ...(await measureStore(config, dataDir, sizes[part], part)) };
    } finally {
      rmSync(dataDir, { recursive: true, force: true });
    }
  }
  return figures;
};
export default run;
