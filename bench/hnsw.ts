/**
 * Search by vectors at sizes that the samples do not reach: recall of the index on real embeddings beside other libraries, and
 * what a search of the document store takes with 100,000 and a million passages of one tenant. Where `HNSW_MINUTES` are over,
 * a part ends, and the next run goes on with it.
 */
import { rmSync } from 'node:fs';
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

export const parts = Object.keys(SIZES.whole);

const run: Bench = async ({ quick, parts, say }) => {
  const kind = quick ? 'quick' : 'whole';
  const sizes = SIZES[kind];
  const minutes = Number(process.env.HNSW_MINUTES ?? Number.POSITIVE_INFINITY);
  const config = loadConfig();
  let figures: Record<string, number> = {};
  if (parts.includes('real')) {
    say(`Embedding ${sizes.real} passages of what installed packages say of themselves, where they are not yet.`);
    figures = await measureRecall(config, await packageVectors(config, sizes.real), say);
  }
  for (const name of ['100k', '1m'] as const) {
    if (!parts.includes(name)) continue;
    const folder = join(config.dataDir, 'bench', `hnsw-${name}-${kind}`);
    const measured = await measureStore(config, { folder, size: sizes[name], name, minutes, say });
    if (measured === null) continue;
    figures = { ...figures, ...measured };
    rmSync(folder, { recursive: true });
  }
  return figures;
};
export default run;
