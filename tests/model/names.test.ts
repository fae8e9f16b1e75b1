import { resolve } from 'node:path';
import t from 'tap';
import { judgeNamed, openRecogniser } from '../../bench/safety/named.js';
import { addText, dataFolder, settled, startRetrieval } from '../fixtures/retrieval/retrieval.js';

const NER_DIR = resolve('.switchyard/models/rampart-ner');
const { signal } = new AbortController();

t.test('of names and addresses most are found, and little else', async (t) => {
  const { names, addressesTouched, precision, falseAlarms, missed, wrong } = await judgeNamed(
    'named',
    await openRecogniser(),
  );
  t.ok(names >= 0.85, JSON.stringify(missed));
  t.ok(addressesTouched >= 0.9, JSON.stringify(missed));
  t.ok(precision >= 0.85);
  t.ok(falseAlarms <= 0.1, JSON.stringify(wrong));
});

t.test('the retrieval process finds them in texts of any length, and keeps them out of a store', async (t) => {
  const retrieval = await startRetrieval(dataFolder(t), {}, { nerModelDir: NER_DIR });
  t.teardown(() => retrieval.close());
  t.same(retrieval.recogniser, { id: 'rampart-ner' });
  const sentence = 'The fee is due on the first working day of each month. ';
  const long = `${sentence.repeat(40)}Please call Maria Gonzalez. ${sentence.repeat(40)}`;
  const [none, found] = await retrieval.recognise('bank', ['', long], 'ahead', signal);
  t.same(none, []);
  t.same(
    found!.map(({ kind, start, end }) => [kind, long.slice(start, end)]),
    [['name', 'Maria Gonzalez']],
  );
  const store = await retrieval.createStore('bank', { name: 's', metadata: {}, redaction: 'mask_names' });
  const id = await addText(retrieval, 'bank', store.id, 'a.md', 'The loan was granted by Maria Gonzalez in May.');
  t.match(await settled(retrieval, 'bank', store.id, id), { status: 'completed' });
  const request = { tenant: 'bank', storeIds: [store.id], groups: [], query: 'Who granted the loan?', context: '' };
  const { passages } = await retrieval.search(
    { ...request, mode: 'hybrid', filter: null, topK: 3, minScore: 0 },
    signal,
  );
  t.match(passages, [{ text: 'The loan was granted by [name] in May.' }]);
});

t.test('without the model nobody can ask for it', async (t) => {
  const retrieval = await startRetrieval(dataFolder(t));
  t.teardown(() => retrieval.close());
  const asked = { name: 's', metadata: {}, redaction: 'mask_names' } as const;
  await t.rejects(retrieval.createStore('bank', asked), { code: 'invalid_value', message: /models\.ner/ });
  await t.rejects(retrieval.recognise('bank', ['Anna'], 'ahead', signal), { code: 'model_unavailable' });
});
