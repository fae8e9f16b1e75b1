import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
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
  const probe = createStorageProbe(folder, everyTime());
  t.equal(await probe(), null);
  t.throws(() => writeFileSync(join(folder, 'filler'), Buffer.alloc(2 << 20)), { code: 'ENOSPC' });
  t.equal(await probe(), 'the disk is full');
  rmSync(join(folder, 'filler'));
  t.equal(await probe(), null);
});

t.test('a folder that is gone is noticed, and that it is back', async (t) => {
  const folder = join(t.testdir({}), 'data');
  mkdirSync(folder);
  const probe = createStorageProbe(folder, everyTime());
  renameSync(folder, `${folder}-away`);
  t.equal(await probe(), 'the data folder is not there');
  renameSync(`${folder}-away`, folder);
  t.equal(await probe(), null);
});
