import t from 'tap';
import { within } from '../../../src/registry/adapters-ahead.js';

const file = (compiledFile: string, bytes: number) => ({ compiledFile, bytes });

t.test('the first ones are fetched ahead, each once, as far as there is room', async (t) => {
  const files = [file('a', 4), file('b', 3), file('a', 4), file('c', 5), file('d', 1)];
  t.same(within(files, 100), ['a', 'b', 'c', 'd']);
  t.same(within(files, 8), ['a', 'b', 'd']);
  t.same(within(files, 0), []);
});
