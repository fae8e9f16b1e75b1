import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { runScheduled } from '../../../src/backup/run-scheduled.js';
import { keepBackups } from '../../../src/backup/scheduled.js';
import { loadConfig } from '../../../src/config/load.js';
import { run } from '../cli/cli-app.js';
import { openTestRegistry } from '../registry/open.js';
import { livingFolder } from './living.js';

const DATABASES = ['registry.db', 'documents.db'];
const START = Date.UTC(2026, 10, 27);
const HOUR_MS = 3_600_000;

/** A data folder in use, with one tenant. */
async function living(t: Test) {
  const { root, dataDir, registry } = await livingFolder(t);
  await registry.createTenant({ id: 'bank', name: 'Bank' });
  const folder = join(root, 'backups');
  const settings = { ...loadConfig({ env: {}, cwd: root }).backup, folder, keep: 2, everyMinutes: 60 };
  return { root, dataDir, registry, settings, task: { dataDir, databases: DATABASES, settings } };
}

t.test('the newest ones are kept, and the latest is restored', async (t) => {
  const { root, registry, settings, task } = await living(t);
  mkdirSync(join(settings.folder, 'switchyard-2026-11-26T00-00-00Z.partial-1-ab'), { recursive: true });
  mkdirSync(join(settings.folder, 'mine'));
  for (const hour of [0, 1, 2]) {
    await registry.createTenant({ id: `shop-${hour}`, name: 'Shop' });
    await runScheduled({ ...task, atMs: START + hour * HOUR_MS });
  }
  const made = ['switchyard-2026-11-27T01-00-00Z', 'switchyard-2026-11-27T02-00-00Z'];
  t.same(readdirSync(settings.folder).sort(), ['mine', ...made]);

  const other = join(root, 'other');
  const set = { SWITCHYARD_DATA: other, SWITCHYARD_BACKUP_FOLDER: settings.folder };
  Object.assign(process.env, set);
  t.teardown(() => {
    for (const name of Object.keys(set)) delete process.env[name];
  });
  t.match(await run('restore', 'latest'), {
    code: 0,
    out: /registry\.db/,
    err: /^Restored \S+\/switchyard-2026\S+Z\. /,
  });
  const restored = await openTestRegistry(other);
  t.same(
    (await restored.listTenants()).map(({ id }) => id),
    ['bank', 'shop-0', 'shop-1', 'shop-2'],
  );
  await restored.close();
  t.match(await run('restore', 'latest', '--from-store'), { code: 1, err: /names no store/ });
  rmSync(settings.folder, { recursive: true });
  t.match(await run('restore', 'latest'), { code: 1, err: /Backup in .* does not exist/ });
});

t.test('one is made at the start where it is time, in a process of its own, and why not is told', async (t) => {
  const { settings, task } = await living(t);
  const clock = { nowMs: START, now: () => clock.nowMs };
  const known: (number | null)[] = [];
  const outcome = (more = {}) =>
    new Promise<unknown>((resolve, reject) => {
      const backups = keepBackups({
        ...task,
        ...more,
        clock,
        onKnown: (atMs) => known.push(atMs),
        onEnd: (outcome, error) => backups.close().then(() => resolve(error ?? outcome), reject),
      });
    });
  t.equal(await outcome(), 'completed');
  t.same(known.splice(0), [null, START]);

  const idle = keepBackups({ ...task, clock, onKnown: (atMs) => known.push(atMs), onEnd: () => t.fail('none is due') });
  await idle.close();
  t.same(known.splice(0), [START], 'it is not time yet');

  clock.nowMs += HOUR_MS;
  writeFileSync(`${settings.folder}-file`, '');
  const folder = join(`${settings.folder}-file`, 'below');
  t.match(await outcome({ settings: { ...settings, folder } }), { message: /EEXIST.*-file'/ });
});
