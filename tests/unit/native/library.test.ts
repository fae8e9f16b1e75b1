import { createRequire } from 'node:module';
import t from 'tap';
import { openNativeLibrary } from '../../../src/native/library.js';

const require = createRequire(import.meta.url);

t.test('a library of other sources names the command that builds it anew', async (t) => {
  const other = require.resolve('better-sqlite3/build/Release/better_sqlite3.node');
  t.throws(() => openNativeLibrary(other), {
    message: /not of this version \(Cannot find function .*\): .*npm run build:native/,
  });
});

t.test('one that was not built is none', async (t) => {
  t.equal(openNativeLibrary('/nowhere/switchyard.node'), null);
});
