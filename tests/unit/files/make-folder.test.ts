import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { makeFolder, makeFolderSync } from '../../../src/files/make-folder.js';

const WAYS = {
  'at once': async (...given: Parameters<typeof makeFolderSync>) => makeFolderSync(...given),
  later: makeFolder,
};

for (const [way, make] of Object.entries(WAYS)) {
  t.test(`a folder is made with its parents, ${way}, and one that is there stays as it is`, async (t) => {
    const top = join(t.testdir({ file: '' }), 'a');
    await make(join(top, 'b/c'), 0o700);
    for (const made of [top, join(top, 'b'), join(top, 'b/c')]) t.equal(statSync(made).mode & 0o777, 0o700, made);
    await make(top, 0o755);
    t.equal(statSync(top).mode & 0o777, 0o700);
    await Promise.all([1, 2, 3].map(() => make(join(top, 'x/y/z'))));
    t.ok(existsSync(join(top, 'x/y/z')));
    await make('/');
    await t.rejects(make(join(top, '../file/b')), { code: 'EEXIST', message: /\/file'$/ });
  });

  // Node's own way goes on for ever there.
  t.test(
    `a folder that takes none is an error that names it, ${way}`,
    { skip: !existsSync('/proc/self') },
    async (t) => {
      await t.rejects(make('/proc/nothing/data'), { code: 'ENOENT', message: /\/proc\/nothing'$/ });
    },
  );
}

t.test('no folder is made in the way that may go on for ever', async (t) => {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  t.ok(files.length > 100);
  for (const file of files) {
    if (/\bmkdir(Sync)?\([^;]*recursive/.test(readFileSync(join('src', file), 'utf8'))) t.fail(file);
  }
});
