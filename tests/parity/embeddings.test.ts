import { readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { env, pipeline } from '@huggingface/transformers';
import t, { type Test } from 'tap';
import type { EmbedderManifest } from '../../src/contracts/model-manifest.js';
import { loadEmbedder } from '../../src/retrieval/process/embedder.js';
import { cosine } from './cosine.js';

const models = path.resolve('.switchyard/models');
const id = 'bge-small-en-v1.5-qa';

const golden = JSON.parse(
  gunzipSync(readFileSync(path.resolve('tests/parity/goldens/embeddings.json.gz'))).toString(),
) as { model: [base: string, adapter: string]; cases: [text: string, steps: string][] };
const vectorOf = (steps: string) => new Int8Array(Buffer.from(steps, 'base64'));
const manifest = JSON.parse(readFileSync(path.join(models, id, 'manifest.json'), 'utf8')) as EmbedderManifest;
/** The goldens are of one edition of the weights; a machine that got another has nothing to compare with. */
const skip = manifest.baseDigest !== golden.model[0] && 'another edition of the weights is imported';

function expectCloseness(t: Test, cases: typeof golden.cases, vectors: readonly Float32Array[], least: number): void {
  const cosines = vectors.map((vector, i) => cosine(vector, vectorOf(cases[i]![1])));
  const lowest = Math.min(...cosines);
  const mean = cosines.reduce((sum, c) => sum + c, 0) / cosines.length;
  t.comment(`lowest ${lowest}, mean ${mean}`);
  t.equal(cosines.length, cases.length);
  t.ok(mean >= 0.999, `the mean cosine is ${mean}`);
  t.ok(lowest >= least, `the lowest cosine is ${lowest}`);
}

t.test('the goldens are of the adapter that is merged in', (t) => {
  t.equal(manifest.adapterDigest, golden.model[1]);
  t.end();
});

// Merged weights are rounded to 8 bits anew, which costs odd texts of a few tokens the third decimal.
t.test('the kernels keep a mean cosine of 0.999 to the float32 model over 500 varied texts', { skip }, async (t) => {
  const embedder = await loadEmbedder(path.join(models, id), manifest, 1);
  t.ok(embedder.embedApart, 'they are built');
  const texts = golden.cases.map(([text]) => text);
  const passage = (text: string) => embedder.tokenize(text, 'passage');
  const vectors: Float32Array[] = [];
  for (let from = 0; from < texts.length; from += 10) {
    vectors.push(...(await embedder.embedApart!(texts.slice(from, from + 10).map(passage), 'behind')));
  }
  expectCloseness(t, golden.cases, vectors, 0.996);
  for (const i of [0, 77, 499]) {
    t.same(await embedder.embed([passage(texts[i]!)]), [vectors[i]], 'alone and on this thread: the same bits');
  }
  t.notSame(await embedder.embed([embedder.tokenize(texts[77]!, 'query')]), [vectors[77]], 'a query has its prefix');
  t.equal(passage('a b c').tokens, 5);
});

t.test('so do the stock operators, in the pipeline of transformers.js', { skip }, async (t) => {
  env.allowRemoteModels = false;
  env.localModelPath = models;
  const embed = await pipeline('feature-extraction', id, { dtype: 'q8' });
  t.teardown(() => embed.dispose());
  const vectors: Float32Array[] = [];
  const some = golden.cases.filter((_, i) => i % 20 === 0);
  for (const [text] of some) {
    vectors.push(Float32Array.from((await embed(text, { pooling: 'cls', normalize: true })).data as Float32Array));
  }
  expectCloseness(t, some, vectors, 0.999);
});

t.test('and where the kernels are not built, by batches with padding', { skip }, async (t) => {
  const stock = await loadEmbedder(path.join(models, id), { ...manifest, encoder: null }, 1);
  t.equal(stock.embedApart, null);
  const some = golden.cases.slice(0, 30);
  const vectors = await stock.embed(some.map(([text]) => stock.tokenize(text, 'passage')));
  for (const [i, [, steps]] of some.entries()) t.ok(cosine(vectors[i]!, vectorOf(steps)) >= 0.999);
});
