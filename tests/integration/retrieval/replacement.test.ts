import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { ask, dataFolder, NEVER, settled, startRetrieval } from '../../fixtures/retrieval/retrieval.js';

const VERSIONS = 9;

function document(version: number): string {
  const rules = Array.from(
    { length: 4 },
    (_, n) => `## Rule ${n}\n\nIn version ${version} the limit of rule ${n} is set.`,
  );
  return ['# Limits', ...rules].join('\n\n');
}

// By comparing all, and through the index.
for (const exactSearchLimit of [2000, 2]) {
  t.test(`a query sees all of one version or all of another (exact up to ${exactSearchLimit})`, async (t) => {
    const retrieval = await startRetrieval(dataFolder(t), { exactSearchLimit });
    t.teardown(() => retrieval.close());
    const store = await retrieval.createStore('bank', { name: 's', metadata: {} });
    const put = async (version: number) => {
      const content = Buffer.from(document(version));
      const { id } = await retrieval.createFile('bank', { filename: 'limits.md', purpose: 'assistants', content });
      await retrieval.attachFile('bank', store.id, { fileId: id, attributes: {}, path: 'limits.md' });
      return settled(retrieval, 'bank', store.id, id);
    };
    t.match(await put(0), { status: 'completed', passages: 4, path: 'limits.md' });

    let isDone = false;
    const seen: string[] = [];
    const searching = ['vector', 'hybrid', 'lexical'].map(async (mode) => {
      while (!isDone) {
        const request = { ...ask('What is the limit of the rule?', 'bank', store.id), topK: 10 };
        const { passages } = await retrieval.search({ ...request, mode: mode as 'vector' }, NEVER);
        seen.push(passages.map(({ text }) => /version (\d)/.exec(text)![1]).join(''));
        await sleep(1);
      }
    });
    for (let version = 1; version < VERSIONS; version++) await put(version);
    isDone = true;
    await Promise.all(searching);

    const whole = new Set(Array.from({ length: VERSIONS }, (_, version) => `${version}`.repeat(4)));
    t.same(
      seen.filter((versions) => !whole.has(versions)),
      [],
      `${seen.length} searches`,
    );
    t.ok(new Set(seen).size > 2, 'of several versions');
    t.match(await retrieval.getStore('bank', store.id), { fileCounts: { completed: 1, total: 1 } });
    t.equal((await retrieval.listFiles('bank', { limit: 10, after: null, order: 'asc' }, null)).items.length, 1);
  });
}

t.test('a file is cut into passages of the size that was asked for, and long ones are embedded whole', async (t) => {
  const retrieval = await startRetrieval(dataFolder(t));
  t.teardown(() => retrieval.close());
  const store = await retrieval.createStore('bank', { name: 's', metadata: {} });
  const sentences = Array.from({ length: 300 }, (_, n) => `Sentence number ${n} is about the weather on day ${n}.`);
  const text = `${sentences.join(' ')} A parrot costs twelve euros.`;
  const file = { filename: 'long.txt', purpose: 'assistants', content: Buffer.from(text) };
  const { id } = await retrieval.createFile('bank', file);
  const read = async (maxTokens: number) => {
    const chunking = { maxTokens, overlapTokens: 0 };
    await retrieval.attachFile('bank', store.id, { fileId: id, attributes: {}, chunking });
    const { passages } = await settled(retrieval, 'bank', store.id, id);
    const found = await retrieval.search(
      { ...ask('How much does a parrot cost?', 'bank', store.id), mode: 'vector', topK: 50 },
      NEVER,
    );
    t.equal(found.passages.length, Math.min(50, passages));
    t.ok(found.passages.every(({ tokens }) => tokens <= maxTokens));
    return found.passages;
  };
  const small = await read(100);
  t.ok(small.length > 30);
  t.match(small[0]!.text, /parrot/);
  const large = await read(2000);
  t.ok(large.length < 4);
  t.ok(large.some(({ tokens }) => tokens > 1000));
  t.match(large[0]!.text, /parrot/, 'what stands far behind what the model reads at once counts too');
});
