import t from 'tap';
import { fuse } from '../../../../src/retrieval/search/fuse.js';

t.test('what both rankings name comes before what one of them names first', async (t) => {
  t.same(
    fuse([
      [1, 2, 3],
      [4, 3, 5],
    ]),
    [3, 1, 4, 2, 5],
  );
});

t.test('a ranking alone stays as it is', async (t) => {
  t.same(fuse([[3, 1, 2], []]), [3, 1, 2]);
  t.same(fuse([]), []);
});
