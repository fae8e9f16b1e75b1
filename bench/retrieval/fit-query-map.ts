/**
 * `npx tsx bench/retrieval/fit-query-map.ts [FOLDER]`: learns what `src/retrieval/search/query-maps.ts` holds, for the configured embedder, from the written
 * questions of FOLDER (adapters/train/written), and says what it does for collections that it was not learnt from. Then fit the relevance again.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig } from '../../src/config/load.js';
import { readEmbedderManifest } from '../../src/layouts/manifest.js';
import { loadEmbedder } from '../../src/retrieval/process/embedder.js';
import { loadTokenCounter } from '../../src/retrieval/process/parser/token-counter.js';
import { encodeMap } from '../../src/retrieval/search/query-map.js';
import { type EmbeddedCollection, fitLowRank, recall } from './low-rank.js';
import { randomNumbers } from './random.js';
import { type Collection, readWritten } from './written.js';

/** One in that many collections is held out for the figures. */
const HELD_OUT = 4;
const LINE = 120;
const AT_ONCE = 32;

const config = loadConfig();
const folderOf = (model: string) => join(config.dataDir, 'models', model);
const { embedder: embedderId, base } = config.models;
const embedder = await loadEmbedder(
  folderOf(embedderId),
  await readEmbedderManifest(folderOf(embedderId)),
  config.retrieval.threads,
);
const limits = { budgetTokens: config.retrieval.passageTokens, overlapTokens: config.retrieval.overlapTokens };

async function embed(texts: readonly string[], as: 'query' | 'passage'): Promise<Float32Array[]> {
  const vectors: Float32Array[] = [];
  for (let from = 0; from < texts.length; from += AT_ONCE) {
    const some = texts.slice(from, from + AT_ONCE);
    vectors.push(...(await embedder.embed(some.map((text) => embedder.tokenize(text, as)))));
  }
  return vectors;
}

async function embedCollection({ passages, questions }: Collection) {
  const vectors = await embed(
    questions.map(({ text }) => text),
    'query',
  );
  return {
    passages: await embed(passages, 'passage'),
    questions: questions.map((question, index) => ({ ...question, vector: vectors[index]! })),
  };
}

const written = await readWritten(
  process.argv[2] ?? 'adapters/train/written',
  limits,
  loadTokenCounter(folderOf(base)),
);
const collections = [];
for (const one of written) collections.push(await embedCollection(one));

const held = collections.filter((_, index) => index % HELD_OUT === 0);
const map = fitLowRank(
  collections.filter((_, index) => index % HELD_OUT !== 0),
  randomNumbers(1),
);
for (const isReworded of [false, true]) {
  const some: EmbeddedCollection[] = held.map(({ passages, questions }) => ({
    passages,
    questions: questions.filter((question) => question.isReworded === isReworded),
  }));
  const figures = [1, 3, 5].map((k) => `${recall(some, k, null).toFixed(3)} → ${recall(some, k, map).toFixed(3)}`);
  process.stdout.write(
    `${isReworded ? 'reworded' : 'plain'}, held out, right among the first 1, 3, 5: ${figures.join(', ')}\n`,
  );
}

const rows = encodeMap(fitLowRank(collections, randomNumbers(1))).toString('base64');
const lines = rows.match(new RegExp(`.{1,${LINE}}`, 'g'))!;
writeFileSync(
  'src/retrieval/search/query-maps.ts',
  `/** By embedder, what \`query-map.ts\` reads. \`npx tsx bench/retrieval/fit-query-map.ts\` learns them anew. */
export const QUERY_MAPS: Readonly<Record<string, { readonly dimensions: number; readonly rows: string }>> = {
  '${embedderId}': {
    dimensions: ${embedder.dimensions},
    rows: \`
${lines.join('\n')}
\`,
  },
};
`,
);
