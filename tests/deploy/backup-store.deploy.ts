/** Backups in a real S3-compatible store that checks signatures: moto's server, of which botocore is a part. */
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { freePort } from '../../bench/peers/processes.js';
import { createObjectStore } from '../../src/backup/object-store.js';
import { runScheduled } from '../../src/backup/run-scheduled.js';
import { loadConfig } from '../../src/config/load.js';
import { livingFolder } from '../integration/backup/living.js';
import { run as cli } from '../integration/cli/cli-app.js';
import { openTestRegistry } from '../integration/registry/open.js';
import { installPython } from '../python/packages.js';
import { start, until } from './tools.js';

const HOUR_MS = 3_600_000;
const START = Date.UTC(2026, 10, 27);

t.test('each backup is copied to the store, the oldest go there too, and the latest is restored from it', async (t) => {
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${port}`;
  const moto = start('python3', ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)], {
    env: { ...process.env, PYTHONPATH: installPython('store-requirements.txt') },
  });
  t.teardown(() => moto.stop());
  await until('the store answers', 60_000, async () => ((await fetch(`${endpoint}/moto-api/`)).ok ? true : null));
  const key = await userWithKey(endpoint);
  // From here on every request has to be signed by a user that may do it.
  await fetch(`${endpoint}/moto-api/reset-auth`, { method: 'POST', body: '0' });

  const { root, dataDir, registry } = await livingFolder(t, { secret: key.secretKey });
  const folder = join(root, 'backups');
  const set = {
    SWITCHYARD_BACKUP_FOLDER: folder,
    SWITCHYARD_BACKUP_KEEP: '2',
    SWITCHYARD_BACKUP_S3_URL: `${endpoint}/backups/gateway one`,
    SWITCHYARD_BACKUP_S3_ACCESS_KEY_ID: key.accessKeyId,
    SWITCHYARD_BACKUP_S3_SECRET_KEY_FILE: join(root, 'secret'),
  };
  const settings = loadConfig({ env: set, cwd: root }).backup;
  const task = { dataDir, databases: ['registry.db', 'documents.db'], settings };
  const backUpAt = (hour: number) => runScheduled({ ...task, atMs: START + hour * HOUR_MS });
  const store = createObjectStore(settings.s3Url, { ...key, region: settings.s3Region });

  for (const hour of [0, 1, 2]) {
    await registry.createTenant({ id: `shop-${hour}`, name: 'Shop' });
    await backUpAt(hour);
  }
  const names = new Set((await store.list('switchyard-')).map((file) => file.split('/')[0]));
  t.same([...names].sort(), ['switchyard-2026-11-27T01-00-00Z', 'switchyard-2026-11-27T02-00-00Z']);
  t.same(readdirSync(folder).sort(), [...names].sort());

  writeFileSync(join(root, 'secret'), 'wrong');
  await t.rejects(backUpAt(3), { code: 'backup_failed', message: /403 SignatureDoesNotMatch/ });
  t.equal(new Set((await store.list('switchyard-')).map((file) => file.split('/')[0])).size, 2);
  writeFileSync(join(root, 'secret'), key.secretKey);

  rmSync(folder, { recursive: true });
  const other = join(root, 'other');
  Object.assign(process.env, { ...set, SWITCHYARD_DATA: other });
  t.teardown(() => {
    for (const name of [...Object.keys(set), 'SWITCHYARD_DATA']) delete process.env[name];
  });
  t.match(await cli('restore', 'latest', '--from-store'), { code: 0, out: /registry\.db/ });
  const restored = await openTestRegistry(other);
  t.same(
    (await restored.listTenants()).map(({ id }) => id),
    ['shop-0', 'shop-1', 'shop-2'],
  );
  await restored.close();
  const missing = await cli('restore', 'switchyard-2026-11-27T00-00-00Z', '--from-store');
  t.match(missing, { code: 1, err: /Backup switchyard-2026-11-27T00-00-00Z does not exist/ });
  t.ok(existsSync(join(other, 'registry.db')));
});

/** A bucket, and a user that may do everything with S3: made while the store asks nobody who he is. */
async function userWithKey(endpoint: string) {
  const headers = { authorization: 'AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/iam/aws4_request' };
  const iam = async (parameters: Record<string, string>) => {
    const body = new URLSearchParams({ Version: '2010-05-08', ...parameters });
    return (await fetch(endpoint, { method: 'POST', headers, body })).text();
  };
  await fetch(`${endpoint}/backups`, { method: 'PUT' });
  await iam({ Action: 'CreateUser', UserName: 'gateway' });
  const policy = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 's3:*', Resource: '*' }] };
  const PolicyDocument = JSON.stringify(policy);
  await iam({ Action: 'PutUserPolicy', UserName: 'gateway', PolicyName: 'all', PolicyDocument });
  const made = await iam({ Action: 'CreateAccessKey', UserName: 'gateway' });
  const read = (name: string) => new RegExp(`<${name}>(.*?)</${name}>`).exec(made)![1]!;
  return { accessKeyId: read('AccessKeyId'), secretKey: read('SecretAccessKey') };
}
