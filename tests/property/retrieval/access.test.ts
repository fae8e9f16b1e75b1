import fc from 'fast-check';
import t, { type Test } from 'tap';
import type { SearchFilter, SearchMode } from '../../../src/contracts/retrieval.js';
import { NEVER } from '../../fixtures/retrieval/retrieval.js';
import { openService } from '../../fixtures/retrieval/service.js';
import { vectorOfWords } from '../../fixtures/retrieval/words.js';

const WORDS = ['limit', 'fee', 'card', 'rate', 'salary', 'board', 'merger', 'loan'];
const GROUPS = ['hr', 'it', 'board'];
const MODES: readonly SearchMode[] = ['vector', 'lexical', 'hybrid'];

const text = fc.array(fc.constantFrom(...WORDS), { minLength: 1, maxLength: 8 }).map((words) => words.join(' '));
const document = fc.record({
  texts: fc.array(text, { minLength: 1, maxLength: 3 }),
  groups: fc.subarray(GROUPS),
  store: fc.nat(1),
  year: fc.integer({ min: 2020, max: 2022 }),
});
type Document = typeof document extends fc.Arbitrary<infer D> ? D : never;

/** What a caller of some groups finds where these documents are, each in the `stores`th part of it. */
async function found(
  t: Test,
  documents: readonly Document[],
  stores: number,
  search: { query: string; groups: readonly string[]; filter: SearchFilter | null; topK: number },
) {
  const { rows, service, createStore } = await openService(t, { vectorOf: vectorOfWords });
  const storeIds: string[] = [];
  for (let n = 0; n < stores; n++) storeIds.push(await createStore());
  for (const { texts, groups, store, year } of documents) {
    const storeId = storeIds[store % stores]!;
    const fileId = await rows.addFile('bank', storeId, texts.map(vectorOfWords), (n) => texts[n]!, groups);
    await rows.storeFiles.update('bank', storeId, fileId, { attributes: { year } }, 1);
  }
  const results = [];
  for (const mode of MODES) {
    const request = { tenant: 'bank', storeIds, context: '', mode, minScore: 0, ...search };
    const { passages, snapshot } = await service.search(request, NEVER);
    const revisions = snapshot.split(',').map((part) => part.split('@')[1]);
    results.push({ revisions, passages: passages.map(({ text, score }) => [text, score.toFixed(9)]) });
  }
  await rows.db.destroy();
  return results;
}

const request = fc.record({
  query: text,
  groups: fc.subarray(GROUPS),
  filter: fc.constantFrom<SearchFilter | null>(null, { type: 'gt', key: 'year', value: 2020 }),
  topK: fc.integer({ min: 1, max: 20 }),
});
const documents = fc.array(document, { maxLength: 12 });
const isVisible = ({ groups }: Document, to: readonly string[]) =>
  groups.length === 0 || groups.some((name) => to.includes(name));

t.test('what a caller may not see changes nothing: no passage, no score, no order, no snapshot', async (t) => {
  await fc.assert(
    fc.asyncProperty(documents, request, async (all, search) => {
      const visible = all.filter((one) => isVisible(one, search.groups));
      t.same(await found(t, all, 2, search), await found(t, visible, 2, search));
    }),
    { numRuns: 30 },
  );
});

t.test('several stores are ranked as one that holds all their documents', async (t) => {
  await fc.assert(
    fc.asyncProperty(documents, request, async (all, search) => {
      const passages = async (stores: number) => (await found(t, all, stores, search)).map((result) => result.passages);
      t.same(await passages(2), await passages(1));
    }),
    { numRuns: 20 },
  );
});
