import { writeFileSync } from 'node:fs';
import t from 'tap';
import { findBytes } from '../../../src/files/find-bytes.js';

t.test('a piece is found wherever it stands, across the borders of what is read at once too', async (t) => {
  const file = `${t.testdir()}/a`;
  const piece = Buffer.from('a distinctive piece of 29 B..');
  const size = 3 * 256 * 1024;
  for (const at of [0, 256 * 1024 - 10, 2 * 256 * 1024 - 28, size - piece.length]) {
    const content = Buffer.alloc(size, 'x');
    piece.copy(content, at);
    writeFileSync(file, content);
    t.match(await findBytes(file, [Buffer.from('none'), piece]), { isFound: true }, `at ${at}`);
  }
  t.same(await findBytes(file, [Buffer.from('nowhere')]), { isFound: false, bytes: size });
  t.same(await findBytes(file, []), { isFound: false, bytes: size });
});
