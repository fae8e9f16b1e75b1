import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { loadConfig } from '../../../src/config/load.js';
import { checkDisk } from '../../../src/doctor/disk.js';
import { createStorageProbe } from '../../../src/sqlite/storage-probe.js';

/** A disk of one MiB; null where this machine lets nobody mount one. */
function smallDisk(t: Test): string | null {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder], { stdio: 'ignore' });
  } catch {
    return null;
  }
  t.teardown(() => {
    execFileSync('umount', [folder]);
    rmdirSync(folder);
  });
  return folder;
}

const everyTime = () => {
  let nowMs = 0;
  return { monotonicMs: () => (nowMs += 10_000) };
};

t.test('a full disk is noticed, and that it has room again', async (t) => {
  const folder = smallDisk(t);
  if (folder === null) return t.pass('mounting is not allowed here');
  const { trouble: probe } = createStorageProbe(folder, [], everyTime());
  t.equal(await probe(), null);
  t.throws(() => writeFileSync(join(folder, 'filler'), Buffer.alloc(2 << 20)), { code: 'ENOSPC' });
  t.equal(await probe(), 'the disk is full');
  const config = loadConfig({ env: { SWITCHYARD_DATA: folder } });
  t.match(await checkDisk(config), [{ state: 'bad', advice: /^Free space there/ }]);
  rmSync(join(folder, 'filler'));
  t.equal(await probe(), null);
});

t.test('a folder that is gone is noticed, and that it is back', async (t) => {
  const folder = join(t.testdir({}), 'data');
  mkdirSync(folder);
  writeFileSync(join(folder, 'a.db'), 'x');
  const { trouble, lost } = createStorageProbe(folder, ['a.db'], everyTime());
  const both = async () => [await trouble(), await lost()];
  t.same(await both(), [null, null]);
  renameSync(folder, `${folder}-away`);
  t.same(await both(), Array(2).fill('the data folder is not there'));
  renameSync(`${folder}-away`, folder);
  t.same(await both(), [null, null]);
});

t.test('a folder with other files in its place is another one, however well it can be written to', async (t) => {
  const folder = join(t.testdir({}), 'data');
  mkdirSync(folder);
  const file = join(folder, 'a.db');
  writeFileSync(file, 'x');
  const { trouble, lost } = createStorageProbe(folder, ['a.db'], everyTime());
  renameSync(file, `${file}-kept`);
  for (const content of [null, 'x']) {
    if (content !== null) writeFileSync(file, content);
    t.match(await lost(), /another one than at the start/);
    t.match(await trouble(), /another one than at the start/);
  }
  renameSync(`${file}-kept`, file);
  t.equal(await lost(), null);
});
