// `npx tsx scripts/generate-sample-vectors.ts [FOLDER]`: writes the vectors of the sample documents that the product ships with, out of a data folder
// (the configured one) in which they have been read. Run it where tests/integration/demo/shipped-vectors.test.ts says that they are not the ones of today.
import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { loadConfig } from '../src/config/load.js';
import { sampleVectorsFile } from '../src/demo/documents.js';
import { DEMO_TENANTS } from '../src/demo/tenants.js';
import { readEmbedderManifest } from '../src/layouts/manifest.js';
import { embeddedText } from '../src/retrieval/chunking/chunk-file.js';
import { loadEmbedder } from '../src/retrieval/process/embedder.js';
import { packShippedVectors } from '../src/retrieval/process/shipped-vectors.js';
import { openDatabase } from '../src/retrieval/stores/database.js';
import { readEmbedding } from '../src/retrieval/stores/embeddings.js';

const { dataDir, models, retrieval } = loadConfig();
const modelDir = join(dataDir, 'models', models.embedder);
const embedder = await loadEmbedder(modelDir, await readEmbedderManifest(modelDir), retrieval.threads);
const [folder = dataDir] = process.argv.slice(2);
const db = openDatabase(join(folder, 'documents.db'));
const adopted = await db.selectFrom('embedders').select('seq').where('digest', '=', embedder.digest).executeTakeFirst();
if (!adopted) throw new Error(`the documents in ${folder} were embedded by another model`);
const rows = await db
  .selectFrom('passages')
  .innerJoin('vectors', 'vectors.passage', 'label')
  .innerJoin('store_files', 'store_files.seq', 'store_file')
  .innerJoin('files', 'files.id', 'passages.file_id')
  .select(['filename', 'heading_path', 'text', 'embedding', 'attributes'])
  .where('embedder', '=', adopted.seq)
  .where(
    'passages.tenant',
    'in',
    DEMO_TENANTS.map(({ id }) => id),
  )
  .orderBy('label')
  .execute();
await db.destroy();
// What somebody added beside the samples has no digest of theirs.
const vectors = new Map(
  rows
    .filter(({ attributes }) => 'sha256' in JSON.parse(attributes))
    .map(({ filename, heading_path, text, embedding }) => [
      embeddedText(filename, { headingPath: JSON.parse(heading_path), text }),
      readEmbedding(embedding),
    ]),
);
const file = sampleVectorsFile(models.embedder);
mkdirSync(dirname(file), { recursive: true });
writeFileSync(file, packShippedVectors(embedder, vectors));
process.stdout.write(`${basename(file)}: ${vectors.size} vectors\n`);
