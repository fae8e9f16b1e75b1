import { join } from 'node:path';
import t from 'tap';
import { readDocuments, sampleVectorsFile } from '../../../src/demo/documents.js';
import { DEMO_TENANTS } from '../../../src/demo/tenants.js';
import { readEmbedderManifest } from '../../../src/layouts/manifest.js';
import { chunkFile, embeddedText } from '../../../src/retrieval/chunking/chunk-file.js';
import { loadEmbedder } from '../../../src/retrieval/process/embedder.js';
import { loadTokenCounter } from '../../../src/retrieval/process/parser/token-counter.js';
import { openShippedVectors } from '../../../src/retrieval/process/shipped-vectors.js';
import { DEFAULTS } from '../../fixtures/retrieval/retrieval.js';
import { MODELS } from '../gateway-process.js';

const { models, retrieval } = DEFAULTS;

t.test('every passage of the sample documents has the vector that the embedder gives it', async (t) => {
  const modelDir = join(MODELS, models.embedder);
  const embedder = await loadEmbedder(modelDir, await readEmbedderManifest(modelDir), 1);
  const shipped = openShippedVectors(sampleVectorsFile(models.embedder));
  const countTokens = loadTokenCounter(join(MODELS, models.base));
  const limits = { budgetTokens: retrieval.passageTokens, overlapTokens: retrieval.overlapTokens };
  const texts: string[] = [];
  for (const { assistant } of DEMO_TENANTS) {
    for (const document of readDocuments(assistant?.documents ?? [], '.')) {
      for (const passage of await chunkFile(document, limits, countTokens)) {
        texts.push(embeddedText(document.filename, passage));
      }
    }
  }
  const without = texts.filter((text) => shipped(embedder.digest, text) === null);
  t.same(without, [], 'else index the samples in a new data folder and run scripts/generate-sample-vectors.ts');

  const some = texts.filter((_, n) => n % 500 === 0);
  const vectors = await embedder.embed(some.map((text) => embedder.tokenize(text, 'passage')));
  for (const [n, vector] of vectors.entries()) {
    const other = shipped(embedder.digest, some[n]!)!;
    t.ok(vector.reduce((sum, value, i) => sum + value * other[i]!, 0) > 0.999);
  }
});
