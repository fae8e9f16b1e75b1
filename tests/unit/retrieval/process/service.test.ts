import { tmpdir } from 'node:os';
import t, { type Test } from 'tap';
import { loadConfig } from '../../../../src/config/load.js';
import type { TokenizedText } from '../../../../src/retrieval/process/embedder.js';
import { createWorkQueue } from '../../../../src/retrieval/process/queue.js';
import { createService } from '../../../../src/retrieval/process/service.js';
import { queryMapFor } from '../../../../src/retrieval/search/query-map.js';
import { createFileBatches } from '../../../../src/retrieval/stores/file-batches.js';
import { unhurried } from '../../../fixtures/retrieval/pace.js';
import { dataFolder, NEVER } from '../../../fixtures/retrieval/retrieval.js';
import { clusteredVectors, openIndexes, openRows } from '../../../fixtures/retrieval/rows.js';

const [VECTOR, ...FURTHER] = clusteredVectors(6);

const PLAIN = { context: '', mode: 'hybrid', filter: null, minScore: 0 } as const;

/** The methods over real rows; what the embedder is asked is counted. */
async function setUp(t: Test, embedderId = 'all-minilm-l6-v2', vector = VECTOR!) {
  const folder = dataFolder(t);
  const rows = await openRows(folder);
  t.teardown(() => rows.db.destroy());
  const asked: { tokenized: string[]; embedded: number } = { tokenized: [], embedded: 0 };
  const service = createService({
    inSnapshot: (job) => job(),
    housekeeping: {
      forget: () => {},
      purge: async () => ({ files: 0, pieces: 0, searchedFiles: 0, searchedBytes: 0, found: [] }),
    },
    ...rows,
    batches: createFileBatches(rows.db),
    indexes: (await openIndexes(folder, rows)).indexes,
    ingest: { wake: () => {} },
    embedder: {
      digest: 'fake',
      dimensions: vector.length,
      maxTokens: 256,
      tokenize(text) {
        asked.tokenized.push(text);
        return { ids: [1, 2, 3], tokens: 3 };
      },
      async embed(texts: readonly TokenizedText[]) {
        asked.embedded += texts.length;
        return texts.map(() => vector);
      },
      embedApart: null,
    },
    embedderId,
    queue: createWorkQueue(...unhurried),
    config: loadConfig({ env: {}, cwd: tmpdir() }).retrieval,
    clock: { now: () => 1000, monotonicMs: () => 0 },
  });
  const createStore = async () => (await rows.stores.create('bank', { name: 's', metadata: {} })).id;
  return { rows, service, asked, createStore };
}

t.test('a query over several stores is embedded once, and the best of all come back', async (t) => {
  const { rows, service, asked, createStore } = await setUp(t);
  const storeIds = [await createStore(), await createStore(), await createStore()];
  for (const [index, storeId] of storeIds.entries()) {
    await rows.addFile('bank', storeId, [FURTHER[index]!, ...(index === 1 ? [VECTOR!] : [])]);
  }
  const search = { tenant: 'bank', storeIds, query: 'fee', ...PLAIN, topK: 2 };
  const { passages, snapshot } = await service.search(search, NEVER);
  t.equal(asked.embedded, 1);
  t.equal(passages.length, 2);
  t.equal(passages[0]!.storeId, storeIds[1]);
  t.ok(passages[0]!.score >= passages[1]!.score);
  t.equal(snapshot, storeIds.map((id) => `${id}@1`).join());
  await t.rejects(service.search({ ...search, storeIds: [storeIds[0]!, 'vs_none'] }, NEVER), { code: 'not_found' });
  t.match(await service.search({ ...search, storeIds: [] }, NEVER), { snapshot: `${storeIds[0]}@1` });
});

t.test(
  'where a filter leaves one file of a hundred, as many passages come back as are asked for, in every mode',
  async (t) => {
    const { rows, service, createStore } = await setUp(t);
    const storeId = await createStore();
    const few = clusteredVectors(6, 2);
    let passing = '';
    for (let n = 0; n < 100; n++) {
      const fileId = await rows.addFile('bank', storeId, n === 50 ? few : [VECTOR!], (index) => `fee ${n} ${index}`);
      await rows.storeFiles.update('bank', storeId, fileId, { year: n === 50 ? 2024 : 1999 }, 1);
      if (n === 50) passing = fileId;
    }
    for (const mode of ['vector', 'lexical', 'hybrid'] as const) {
      const search = { tenant: 'bank', storeIds: [storeId], query: 'fee', ...PLAIN, mode, topK: 5 };
      const filter = { type: 'gte', key: 'year', value: 2024 } as const;
      const { passages } = await service.search({ ...search, filter }, NEVER);
      t.same(
        passages.map(({ fileId }) => fileId),
        Array(5).fill(passing),
        mode,
      );
      const none = { type: 'eq', key: 'owner', value: 'risk' } as const;
      t.same((await service.search({ ...search, filter: none }, NEVER)).passages, [], mode);
    }
  },
);

t.test('a follow-up is searched for alone and with what it follows; lexical search embeds nothing', async (t) => {
  const { rows, service, asked, createStore } = await setUp(t);
  const storeId = await createStore();
  await rows.addFile('bank', storeId, FURTHER, (n) => (n === 3 ? 'opening hours on sundays' : `passage ${n}`));
  const search = { tenant: 'bank', storeIds: [storeId], query: 'And then?', ...PLAIN, topK: 1 };
  t.match((await service.search({ ...search, context: 'Opening hours?', mode: 'lexical' }, NEVER)).passages, [
    { text: 'opening hours on sundays' },
  ]);
  t.equal(asked.embedded, 0);
  await service.search({ ...search, context: 'Opening hours?' }, NEVER);
  t.equal(asked.embedded, 2);
});

t.test('a text that is embedded is tokenized once', async (t) => {
  const { service, asked } = await setUp(t);
  t.match(await service.embed('bank', ['a', 'b', 'c'], NEVER), { tokens: 9 });
  t.same(asked, { tokenized: ['a', 'b', 'c'], embedded: 3 });
});

t.test("token ids are read as OpenAI's embedding models read them", async (t) => {
  const { service, asked } = await setUp(t);
  // "How are fees charged? 漢字 🙂", as tiktoken encodes it by cl100k_base.
  const ids = [4438, 527, 12718, 11684, 30, 6704, 120, 95, 19113, 28584];
  await service.embed('bank', [ids, 'text', [100257]], NEVER);
  t.same(asked.tokenized, ['How are fees charged? 漢字 🙂', 'text', '<|endoftext|>']);
  await t.rejects(service.embed('bank', ['a', [1, 999_999]], NEVER), {
    code: 'invalid_value',
    params: { param: 'input[1][1]' },
  });
});

t.test("a query is compared by its embedder's map of it, not by its own vector", async (t) => {
  const waves = Float32Array.from({ length: 384 }, (_, i) => Math.sin(i * i));
  const query = waves.map((value) => value / Math.hypot(...waves));
  const { rows, service, createStore } = await setUp(t, 'bge-small-en-v1.5', query);
  const storeId = await createStore();
  await rows.addFile('bank', storeId, [query, queryMapFor('bge-small-en-v1.5')(query)], (n) => ['same', 'mapped'][n]!);
  const search = { tenant: 'bank', storeIds: [storeId], query: 'fee', ...PLAIN, mode: 'vector', topK: 2 } as const;
  const { passages } = await service.search(search, NEVER);
  t.strictSame(
    passages.map(({ text }) => text),
    ['mapped', 'same'],
  );
});
