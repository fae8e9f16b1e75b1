import { join } from 'node:path';
import t from 'tap';
import { onlyModel } from '../../../bench/retrieval/only-model.js';
import { createJobs } from '../../../src/jobs/jobs.js';
import { FileTerms } from '../../../src/retrieval/lexical/file-terms.js';
import { adoptEmbedders } from '../../../src/retrieval/stores/adopt-embedders.js';
import { createAudited, jobTables, openDatabase, openWriter } from '../../../src/retrieval/stores/database.js';
import { createFiles } from '../../../src/retrieval/stores/files.js';
import { createPassages } from '../../../src/retrieval/stores/passages.js';
import { createShelves } from '../../../src/retrieval/stores/shelves.js';
import { createStoreFiles } from '../../../src/retrieval/stores/store-files.js';
import { createVectorStores } from '../../../src/retrieval/stores/vector-stores.js';
import { createVectors } from '../../../src/retrieval/stores/vectors.js';

const PASSAGES = 5000;

t.test('searches read on while a large file is written, and find all of it at once', async (t) => {
  const folder = t.testdir({});
  const file = join(folder, 'documents.db');
  const reader = openDatabase(file);
  const writer = openWriter(file);
  t.teardown(async () => {
    await writer.destroy();
    await reader.destroy();
  });
  const audit = createAudited(folder, { now: () => 1, monotonicMs: () => 1 });
  const [files, storeFiles] = [createFiles(writer, audit), createStoreFiles(writer, audit)];
  const models = onlyModel({ digest: 'invented', dimensions: 384 });
  await adoptEmbedders(writer, models, 1000);
  const { id } = await createVectorStores(writer, () => 1, audit, models).create('bank', { name: 's', metadata: {} });
  const content = Buffer.from('a');
  const upload = await files.create('bank', { filename: 'a.txt', purpose: 'assistants', content }, 1);
  await storeFiles.attach(
    'bank',
    id,
    { fileId: upload.id, attributes: {} },
    { limits: { files: 10, bytes: 1e9 }, nowS: 1 },
  );
  const claim = { holder: 'test', afterTenant: '', except: [], leaseMs: 1000, nowMs: 1000 };
  const lease = (await createJobs(jobTables(writer)).claim('ingest', claim))!;
  const loaded = await storeFiles.load(lease);
  const embedding = Float32Array.from({ length: 384 }, (_, i) => i);
  const passage = {
    headingPath: [],
    text: 'word '.repeat(120),
    byteStart: 0,
    byteEnd: 600,
    location: null,
    tokens: 120,
    embedding,
  };

  let isWritten = false;
  const terms = new FileTerms();
  for (let n = 0; n < PASSAGES; n++) terms.add('a.txt', passage);
  const writing = storeFiles.complete(lease, loaded, Array(PASSAGES).fill(passage), terms, 1000).then((done) => {
    isWritten = true;
    return done;
  });
  const shelves = createShelves(reader);
  const [passages, vectors] = [createPassages(reader), createVectors(reader)];
  const found: number[] = [];
  while (!isWritten) {
    const [shelf] = await shelves.visible([id], []);
    found.push((await vectors.keysUpTo('bank', 1, 1e9)).length);
    if (found.at(-1) === 0) t.equal(shelf!.revision, 0);
    await new Promise((resolve) => setImmediate(resolve));
  }
  t.same(await writing, []);
  t.ok(found.length > 10, `${found.length} searches meanwhile`);
  t.same(new Set(found.filter((count) => count !== PASSAGES)), new Set([0]));
  t.equal(await passages.count({ storeIds: [id] }), PASSAGES);
});
