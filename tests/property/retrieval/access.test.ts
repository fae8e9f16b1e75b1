import fc from 'fast-check';
import t, { type Test } from 'tap';
import type { SearchFilter, SearchMode } from '../../../src/contracts/retrieval.js';
import { MODELS, vectorBy } from '../../fixtures/retrieval/documents.js';
import { NEVER } from '../../fixtures/retrieval/retrieval.js';
import { openService } from '../../fixtures/retrieval/service.js';

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

/** What a caller of some groups finds where these documents are in stores of these embedders, in turns. */
async function found(
  t: Test,
  documents: readonly Document[],
  embedders: readonly string[],
  search: { query: string; groups: readonly string[]; filter: SearchFilter | null; topK: number },
) {
  const { rows, service, createStore } = await openService(t, {
    models: MODELS,
    vectorOf: (text, digest) => vectorBy(digest, text),
  });
  const storeIds: string[] = [];
  for (const embedder of embedders) storeIds.push(await createStore('bank', embedder));
  for (const { texts, groups, store, year } of documents) {
    const at = store % storeIds.length;
    const storeId = storeIds[at]!;
    const vectors = texts.map((text) => vectorBy(embedders[at]!, text));
    const fileId = await rows.addFile('bank', storeId, vectors, (n) => texts[n]!, groups);
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
      for (const embedders of [
        ['words', 'words'],
        ['words', 'short'],
      ])
        t.same(await found(t, all, embedders, search), await found(t, visible, embedders, search));
    }),
    { numRuns: 30 },
  );
});

t.test('several stores are ranked as one that holds all their documents', async (t) => {
  await fc.assert(
    fc.asyncProperty(documents, request, async (all, search) => {
      const passages = async (...embedders: string[]) =>
        (await found(t, all, embedders, search)).map((result) => result.passages);
      t.same(await passages('words', 'words'), await passages('words'));
    }),
    { numRuns: 20 },
  );
});
