import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { lockDataDir } from '../../src/sqlite/data-lock.js';
import { openSqlite } from '../../src/sqlite/open.js';
import { startMessage } from '../../src/start-message.js';

function messageOf(start: () => unknown): string {
  try {
    start();
  } catch (error) {
    return startMessage(error);
  }
  return 'it started';
}

t.test('a data folder that cannot be used is named, with what to do, and without a stack', async (t) => {
  const dir = t.testdir({ file: '', locked: { 'gateway.lock': {} }, other: { 'registry.db': {} } });
  const cases = [
    [() => lockDataDir(join(dir, 'file')), join(dir, 'file'), /has to be a folder/],
    [() => lockDataDir(join(dir, 'locked')), join(dir, 'locked/gateway.lock'), /may write to them/],
    [() => openSqlite(join(dir, 'other/registry.db')), join(dir, 'other/registry.db'), /may write to them/],
  ] as const;
  for (const [start, path, advice] of cases) {
    const message = messageOf(start);
    t.ok(message.includes(path), message);
    t.match(message, advice);
    t.notMatch(message, /\n/);
  }
});

t.test('so is one that lies where there can be none', { skip: !existsSync('/proc/self') }, async (t) => {
  const message = messageOf(() => lockDataDir('/proc/nothing/data'));
  t.match(message, /mkdir '\/proc\/nothing'.*SWITCHYARD_DATA has to be a folder/);
});

t.test('a database that is none is named, and a backup', async (t) => {
  const dir = join(t.testdir({}), 'data');
  mkdirSync(dir);
  const file = join(dir, 'registry.db');
  writeFileSync(
    file,
    'no database at all, and long enough to be read as the header of one, which has a hundred bytes.'.repeat(9),
  );
  const message = messageOf(() => openSqlite(file));
  t.ok(message.includes(file), message);
  t.match(message, /Restore a backup/);
});

t.test('what is unexpected keeps its stack', async (t) => {
  t.match(startMessage(new Error('why?')), /why\?\n +at /);
  t.equal(startMessage('a text'), 'a text');
});
