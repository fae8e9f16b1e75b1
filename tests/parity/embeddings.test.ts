import { readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { env, pipeline } from '@huggingface/transformers';
import t from 'tap';
import type { EmbedderManifest } from '../../src/contracts/model-manifest.js';

const models = path.resolve('.switchyard/models');
const id = 'all-minilm-l6-v2';

t.test('the imported embedder keeps a cosine of 0.999 to the float32 model over 500 varied texts', async (t) => {
  const golden = JSON.parse(
    gunzipSync(readFileSync(path.resolve('tests/parity/goldens/embeddings.json.gz'))).toString(),
  ) as { model: string; cases: [text: string, steps: string][] };
  const manifest = JSON.parse(readFileSync(path.join(models, id, 'manifest.json'), 'utf8')) as EmbedderManifest;
  t.equal(manifest.baseDigest, golden.model, 'the goldens are of the imported model');
  t.equal(golden.cases.length, 500);

  env.allowRemoteModels = false;
  env.localModelPath = models;
  const embed = await pipeline('feature-extraction', id, { dtype: 'q8' });
  t.teardown(() => embed.dispose());
  const cosines: number[] = [];
  for (const [text, steps] of golden.cases) {
    const { data } = await embed(text, { pooling: 'mean', normalize: true });
    cosines.push(cosine(data as Float32Array, new Int8Array(Buffer.from(steps, 'base64'))));
  }
  const lowest = Math.min(...cosines);
  t.comment(`lowest ${lowest}, mean ${cosines.reduce((sum, c) => sum + c, 0) / cosines.length}`);
  t.ok(lowest >= 0.999, `the lowest cosine is ${lowest}`);

  const batch = golden.cases.slice(20, 24);
  const { data } = await embed(
    batch.map(([text]) => text),
    { pooling: 'mean', normalize: true },
  );
  batch.forEach(([, steps], i) => {
    const vector = (data as Float32Array).subarray(i * manifest.dimensions, (i + 1) * manifest.dimensions);
    t.ok(cosine(vector, new Int8Array(Buffer.from(steps, 'base64'))) >= 0.999, 'padding in a batch changes nothing');
  });
});

function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let product = 0;
  let squareA = 0;
  let squareB = 0;
  for (let i = 0; i < a.length; i++) {
    product += a[i]! * b[i]!;
    squareA += a[i]! ** 2;
    squareB += b[i]! ** 2;
  }
  return product / Math.sqrt(squareA * squareB);
}
