/** How many of the nearest a search finds that does not compare all vectors, and how soon, beside others. */
import type { Config } from '../../src/config/schema.js';
import { Nearest } from '../../src/retrieval/search/nearest.js';
import { quantile } from '../retrieval/quantile.js';
import { PEERS, type Searched } from './peers.js';

const NEIGHBOURS = 10;
const QUERIES = 200;

/** The last of the vectors are queries. Each peer alone in the process, and asked twice: the first round warms it up. */
export async function measureRecall(
  { retrieval }: Config,
  vectors: readonly Float32Array[],
  say: (line: string) => void,
): Promise<Record<string, number>> {
  const [points, queries] = [vectors.slice(0, -QUERIES), vectors.slice(-QUERIES)];
  const { indexM: links, efConstruction, efSearch } = retrieval;
  const params = { dimensions: points[0]!.length, links, efConstruction, efSearch };
  const nearest = queries.map((query) => exact(query, points));
  const figures: Record<string, number> = { real_passages: points.length };
  for (const { name, build } of PEERS) {
    say(`Building ${name}.`);
    const startedAt = performance.now();
    const searched = await build(points, params);
    const builtMs = performance.now() - startedAt;
    try {
      await ask(searched, queries);
      const { found, ms } = await ask(searched, queries);
      const hits = found.flatMap((labels, n) => nearest[n]!.filter((label) => labels.includes(label)));
      // The product's own has the name of the figure alone.
      const suffix = name === 'hnswlib' ? '' : `_${name}`;
      figures[`recall_at_10${suffix}`] = hits.length / (NEIGHBOURS * QUERIES);
      figures[`index_ms_p50${suffix}`] = quantile(ms, 0.5);
      figures[`index_ms_p99${suffix}`] = quantile(ms, 0.99);
      figures[`index_s${suffix}`] = builtMs / 1000;
    } finally {
      await searched.close();
    }
  }
  return figures;
}

function exact(query: Float32Array, points: readonly Float32Array[]): number[] {
  const nearest = new Nearest(query, NEIGHBOURS);
  for (const [n, vector] of points.entries()) nearest.add(n + 1, vector);
  return nearest.best.map(({ label }) => label);
}

async function ask(searched: Searched, queries: readonly Float32Array[]) {
  const found: number[][] = [];
  const ms: number[] = [];
  for (const query of queries) {
    const startedAt = performance.now();
    found.push(await searched.search(query, NEIGHBOURS));
    ms.push(performance.now() - startedAt);
  }
  return { found, ms };
}
