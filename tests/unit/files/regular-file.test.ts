import { join } from 'node:path';
import t, { type Test } from 'tap';
import { isRegularFile, openRegularFile, readRegularFile } from '../../../src/files/regular-file.js';
import { namedPipe } from '../../fixtures/files/named-pipe.js';

function pipeIn(t: Test): string {
  return namedPipe(join(t.testdir({ file: 'text', link: t.fixture('symlink', 'file') }), 'pipe'));
}

t.test('a pipe without a writer is refused at once, and so is a device', async (t) => {
  const pipe = pipeIn(t);
  for (const path of [pipe, '/dev/zero', join(pipe, '..')]) {
    t.throws(() => openRegularFile(path), { message: /is not a regular file|EISDIR/ }, path);
    t.throws(() => readRegularFile(path), { message: /is not a regular file|EISDIR/ }, path);
    t.notOk(isRegularFile(path));
  }
});

t.test('a file is read through a link, up to a limit', async (t) => {
  const folder = join(pipeIn(t), '..');
  t.equal(readRegularFile(join(folder, 'link'), 4).toString(), 'text');
  t.ok(isRegularFile(join(folder, 'link')));
  t.throws(() => readRegularFile(join(folder, 'file'), 3), { message: /larger than 3 bytes/ });
  t.throws(() => readRegularFile(join(folder, 'none')), { code: 'ENOENT' });
  t.notOk(isRegularFile(join(folder, 'none')));
});
