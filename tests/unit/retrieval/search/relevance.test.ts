import t from 'tap';
import type { SearchMode } from '../../../../src/contracts/retrieval.js';
import { relevanceFor } from '../../../../src/retrieval/search/relevance.js';

const relevance = relevanceFor('bge-small-en-v1.5-qa');
const candidate = (cosine: number, score: number, share: number, tokens = 60) => ({
  label: 1,
  cosine,
  terms: { score, share },
  tokens,
});

t.test('is a share in every mode, and grows with what the mode looks at', async (t) => {
  const near = candidate(0.85, 0.6, 0.9);
  const far = candidate(0.6, 0.1, 0.2);
  for (const mode of ['vector', 'lexical', 'hybrid'] satisfies SearchMode[]) {
    const [high, low] = relevance(mode, [near, far]) as [number, number];
    t.ok(low >= 0 && low < high && high <= 1, `${mode}: ${low} < ${high}`);
  }
  t.same(relevance('hybrid', []), []);
});

t.test('where a passage holds every word of the query, words decide; where none does, meaning decides', async (t) => {
  const byWords = candidate(0.7, 0.7, 1);
  const byMeaning = candidate(0.76, 0.3, 0.5);
  const [words, meaning] = relevance('hybrid', [byWords, byMeaning]) as [number, number];
  t.ok(words > meaning);
  const [poorer, nearer] = relevance('hybrid', [candidate(0.7, 0.12, 0.1), candidate(0.8, 0.05, 0.05)]) as [
    number,
    number,
  ];
  t.ok(nearer > poorer);
});

t.test('an embedder that was never fitted is judged on the scale of vectors as they are', async (t) => {
  const one = candidate(0.8, 0.3, 0.5);
  const [score] = relevanceFor('unknown')('vector', [one]) as [number];
  t.ok(score > 0 && score < 1);
  t.not(score, relevance('vector', [one])[0]);
  t.same(relevanceFor('unknown')('lexical', [one]), relevance('lexical', [one]), 'words need no embedder');
});

t.test('of two that are as near, the one that says more is the more relevant', async (t) => {
  for (const mode of ['vector', 'lexical', 'hybrid'] satisfies SearchMode[]) {
    const [stub, whole] = relevance(mode, [candidate(0.7, 0.4, 0.6, 8), candidate(0.7, 0.4, 0.6, 120)]) as [
      number,
      number,
    ];
    t.ok(stub < whole, mode);
  }
});

t.test('an embedder whose vectors lie close together is judged on its own scale', async (t) => {
  const multilingual = relevanceFor('multilingual-e5-small');
  // A passage in another language: no word of it is the query's.
  const [near, far] = multilingual('hybrid', [candidate(0.9, 0, 0), candidate(0.82, 0.05, 0.05)]) as [number, number];
  t.ok(near > 0.1 && far < 0.01, `${near}, ${far}`);
  t.ok(relevance('vector', [candidate(0.82, 0, 0)])[0]! > 0.5, 'which would be sure by another scale');
});
