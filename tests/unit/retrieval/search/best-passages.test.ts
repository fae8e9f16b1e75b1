import t from 'tap';
import type { ScoredPassage } from '../../../../src/contracts/retrieval.js';
import { mergeParts } from '../../../../src/retrieval/search/best-passages.js';
import { passage } from '../../../http/fakes.js';

const found = (id: string, score: number): ScoredPassage => passage(id, `text ${id}`, score);
const ids = (passages: readonly ScoredPassage[]) => passages.map(({ id }) => id);

t.test('the question keeps half of the places, however much better the rest of the query fits elsewhere', async (t) => {
  const question = [found('a', 0.5), found('b', 0.4), found('c', 0.3)];
  const log = [found('x', 0.9), found('y', 0.8), found('z', 0.7)];
  t.same(ids(mergeParts([question, log], 3)), ['x', 'a', 'b']);
  t.same(ids(mergeParts([question, log], 4)), ['x', 'y', 'a', 'b']);
  t.same(ids(mergeParts([question], 3)), ['a', 'b', 'c']);
  t.same(ids(mergeParts([[], log], 2)), ['x', 'y']);
});

t.test('what both find counts once', async (t) => {
  t.same(ids(mergeParts([[found('a', 0.5)], [found('a', 0.9), found('b', 0.6)]], 3)), ['b', 'a']);
});
