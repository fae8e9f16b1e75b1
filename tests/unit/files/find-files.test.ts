import { join } from 'node:path';
import t from 'tap';
import { findFiles } from '../../../src/files/find-files.js';
import { namedPipe } from '../../fixtures/files/named-pipe.js';

t.test('a folder of links, as Kubernetes mounts a ConfigMap, holds the files that they lead to', async (t) => {
  const folder = t.testdir({
    '..2026_11_26': { 'fees.md': '# Fees', deep: { 'cards.md': '# Cards' } },
    '..data': t.fixture('symlink', '..2026_11_26'),
    'fees.md': t.fixture('symlink', '..data/fees.md'),
    deep: t.fixture('symlink', '..data/deep'),
    'gone.md': t.fixture('symlink', '..data/gone.md'),
  });
  t.same(
    findFiles(folder, (name) => !name.startsWith('.')),
    ['deep/cards.md', 'fees.md'],
  );
});

t.test('a folder that holds a link to itself is read once, and pipes are passed over', async (t) => {
  const folder = t.testdir({ a: { b: { 'x.md': 'x', up: t.fixture('symlink', '..') } } });
  namedPipe(join(folder, 'pipe'));
  t.same(findFiles(folder), ['a/b/x.md']);
});
