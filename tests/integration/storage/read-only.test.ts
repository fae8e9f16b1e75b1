import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { MODELS } from '../gateway-process.js';
import { gatewayOn } from './gateway-on.js';

const DISK_BYTES = 96 * 2 ** 20;
const mount = (...args: string[]) => execFileSync('mount', args, { stdio: 'ignore' });

/** A data folder on a file system of its own, as disks have; null where this machine lets nobody mount one. */
function ownDisk(t: Test): string | null {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-disk-'));
  const image = `${folder}.img`;
  try {
    writeFileSync(image, '');
    truncateSync(image, DISK_BYTES);
    execFileSync('mkfs.ext4', ['-q', image], { stdio: 'ignore' });
    mount('-o', 'loop', image, folder);
  } catch {
    rmSync(image, { force: true });
    rmdirSync(folder);
    return null;
  }
  t.teardown(() => {
    execFileSync('umount', [folder]);
    rmSync(image);
    rmdirSync(folder);
  });
  symlinkSync(MODELS, join(folder, 'models'));
  return folder;
}

t.test('a folder that becomes read-only is told, and what needs no writing goes on', async (t) => {
  const dataDir = ownDisk(t);
  if (dataDir === null) return t.pass('mounting is not allowed here');
  // Before the disk goes.
  const { client, metric, until, upload, ask } = await gatewayOn(t, dataDir);
  const goesOn = async () => {
    t.equal((await ask('What is the fee?')).usage?.completion_tokens, 2);
    t.match((await client.vectorStores.search(store.id, { query: 'fee' })).data, [{ file_id: fees.id }]);
  };
  const isTold = async () => {
    const reason = 'the data folder cannot be written to';
    t.match(await until('degraded'), { checks: { storage: { ready: false, reason } } });
    t.equal(await metric('check_ready', { check: 'storage' }), 0);
  };

  const store = await client.vectorStores.create({ name: 'x' });
  const fees = await upload('# Fees\n\nThe fee is 5 EUR.\n');
  await client.vectorStores.files.createAndPoll(store.id, { file_id: fees.id });

  // For whatever is opened from now on, and then not any more.
  mount('--bind', dataDir, dataDir);
  mount('-o', 'remount,ro,bind', dataDir);
  await isTold();
  await goesOn();
  execFileSync('umount', [dataDir]);
  await until('ready');
  const later = await upload('# Hours\n\nThe branch opens at nine.\n');
  const { status } = await client.vectorStores.files.createAndPoll(store.id, { file_id: later.id });
  t.equal(status, 'completed');

  // As the system does where a disk reports errors: for what is open too.
  mount('-o', 'remount,abort', dataDir);
  await isTold();
  await goesOn();
  t.match(await upload('lost?').catch((error) => error), { status: 503, code: 'storage_unavailable' });
  t.match((await client.vectorStores.search(store.id, { query: 'When does it open?' })).data[0], { file_id: later.id });
  t.equal(await metric('child_restarts_total'), 0, 'no process ended for it');
});
