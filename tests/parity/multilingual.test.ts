import { readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import t from 'tap';
import type { EmbedderManifest } from '../../src/contracts/model-manifest.js';
import { loadEmbedder } from '../../src/retrieval/process/embedder.js';
import { openTokenizer } from '../../src/retrieval/process/tokenizer.js';
import { cosine } from './cosine.js';

const folder = path.resolve('.switchyard/models/multilingual-e5-small');
const read = (file: string) => readFileSync(file);
const manifest = JSON.parse(read(path.join(folder, 'manifest.json')).toString()) as EmbedderManifest;
const golden = JSON.parse(gunzipSync(read('tests/parity/goldens/multilingual.json.gz')).toString()) as {
  model: string;
  tokens: [text: string, ids: number[]][];
  vectors: [text: string, as: 'query' | 'passage', steps: string][];
};

t.equal(manifest.baseDigest, golden.model, 'the goldens are of these weights');

t.test('500 strings of eleven languages become the tokens of Hugging Face’s tokenizers', async (t) => {
  const tokenizer = await openTokenizer(folder);
  t.equal(golden.tokens.length, 500);
  const wrong = golden.tokens.flatMap(([text, expected]) => {
    const actual = tokenizer.encode(text).ids;
    return actual.join() === expected.join() ? [] : [{ text, expected, actual }];
  });
  t.same(wrong, []);
});

for (const [name, encoder] of Object.entries({ kernels: manifest.encoder, 'stock operators': null })) {
  t.test(`by the ${name}, vectors are those of the float32 model`, async (t) => {
    const embedder = await loadEmbedder(folder, { ...manifest, encoder }, 1);
    t.equal(embedder.embedApart !== null, encoder !== null);
    const some = golden.vectors.filter((_, i) => encoder !== null || i % 6 === 0);
    const cosines: number[] = [];
    for (const [text, as, steps] of some) {
      const [vector] = await embedder.embed([embedder.tokenize(text, as)]);
      cosines.push(cosine(vector!, new Int8Array(Buffer.from(steps, 'base64'))));
    }
    const lowest = Math.min(...cosines);
    t.comment(`lowest ${lowest}, mean ${cosines.reduce((sum, one) => sum + one, 0) / cosines.length}`);
    t.ok(lowest >= 0.999, `the lowest cosine is ${lowest}`);
  });
}
