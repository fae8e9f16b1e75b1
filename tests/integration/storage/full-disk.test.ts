import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { MODELS } from '../gateway-process.js';
import { gatewayOn } from './gateway-on.js';

const DISK_BYTES = 96 * 2 ** 20;

/** A data folder on a disk of its own; null where this machine lets nobody mount one. */
function smallDisk(t: Test): string | null {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_BYTES}`, 'tmpfs', folder], { stdio: 'ignore' });
  } catch {
    rmdirSync(folder);
    return null;
  }
  t.teardown(() => {
    execFileSync('umount', [folder]);
    rmdirSync(folder);
  });
  symlinkSync(MODELS, join(folder, 'models'));
  return folder;
}

t.test('on a full disk questions are answered and nothing is lost; once it has room, everything goes on', async (t) => {
  const dataDir = smallDisk(t);
  if (dataDir === null) return t.pass('mounting is not allowed here');
  // Before the disk goes.
  const { gateway, client, readiness, metric, upload, ask } = await gatewayOn(t, dataDir);
  const checks = async () => (await readiness()).checks;
  const search = async () => (await client.vectorStores.search(store.id, { query: 'fee' })).data;

  const store = await client.vectorStores.create({ name: 'x' });
  const fees = await upload('# Fees\n\nThe fee is 5 EUR.\n');
  await client.vectorStores.files.createAndPoll(store.id, { file_id: fees.id });
  const later = await upload(`# Later\n\n${'The branch opens at nine. '.repeat(3000)}`);

  const filler = join(dataDir, 'filler');
  t.throws(() => writeFileSync(filler, Buffer.alloc(DISK_BYTES)), { code: 'ENOSPC' });
  const full = { ready: false, reason: 'the disk is full' };
  while ((await checks()).storage.ready) await sleep(50);
  t.match(await checks(), { storage: full });
  t.equal(await metric('check_ready', { check: 'storage' }), 0);
  t.match(await upload('x'.repeat(4 << 20)).catch((error) => error), { status: 503, code: 'storage_unavailable' });
  // It may find room for its own row, but none for what is made of it.
  await client.vectorStores.files.create(store.id, { file_id: later.id }).catch(() => {});
  t.equal((await ask('What is the fee?')).usage?.completion_tokens, 2);
  t.match(await search(), [{ file_id: fees.id }]);

  rmSync(filler);
  while (!(await checks()).storage.ready) await sleep(50);
  t.equal((await client.vectorStores.files.createAndPoll(store.id, { file_id: later.id })).status, 'completed');
  t.match((await client.vectorStores.search(store.id, { query: 'opening hours' })).data[0], { file_id: later.id });
  const [found] = (await client.vectorStores.search(store.id, { query: 'When does the branch open?' })).data;
  t.equal(found?.file_id, later.id);
  t.match(await checks(), { storage: { ready: true }, documents: { ready: true } });
  t.equal(await metric('child_restarts_total'), 0, 'no process ended for it');
  t.match(
    await client.get('/usage'),
    { total: { answers: 1, completion_tokens: 2 } },
    'what was answered meanwhile is counted',
  );
  t.equal(await gateway.stop(), 0);
});
