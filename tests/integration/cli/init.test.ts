import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openRegistry } from '../../../src/registry/registry.js';
import { startPostgres } from '../../fixtures/postgres/server.js';
import { run } from './cli-app.js';

function emptyDataDir(t: Test): string {
  const dataDir = join(t.testdir({ keys: {} }), 'data');
  process.env.SWITCHYARD_DATA = dataDir;
  t.teardown(() => delete process.env.SWITCHYARD_DATA);
  return dataDir;
}

/** What a key opens, in the gateway's own registry. */
async function scopesOf(dataDir: string, secret: string): Promise<readonly string[] | null> {
  const registry = await openRegistry({
    dataDir,
    compiler: { compile: () => Promise.reject(new Error('no adapters here')) },
    clock: { now: Date.now, monotonicMs: () => performance.now() },
    checkRules: () => {
      throw new Error('no policies here');
    },
    checkToolUrl: () => {},
    checkWebhookUrl: () => {},
    onWebhookJob: () => {},
    demo: false,
  });
  try {
    return (await registry.authenticate(secret))?.scopes ?? null;
  } finally {
    await registry.close();
  }
}

/** What an operator's key may do, said or not. */
const ALL = ['admin', 'tenant-admin', 'release'];

t.test('the first key is made without another one, shown once, and not made again', async (t) => {
  const dataDir = emptyDataDir(t);
  const first = JSON.parse((await run('--json', 'init')).out);
  t.match(first, [{ tenant: 'operations', label: 'admin', state: 'created', secret: /^sk-/ }]);
  t.same(await scopesOf(dataDir, first[0].secret), ALL);
  t.match(JSON.parse((await run('--json', 'init')).out), [{ state: 'unchanged', secret: null }]);
});

t.test('keys in files are taken over, written where there are none, and replaced with the file', async (t) => {
  const dataDir = emptyDataDir(t);
  const admin = join(dataDir, '../keys/admin.key');
  const metrics = join(dataDir, '../keys/metrics.key');
  const secret = (file: string) => readFileSync(file, 'utf8').trim();
  const init = async () => {
    const { code, out, err } = await run('--json', 'init', '--admin-key-file', admin, '--metrics-key-file', metrics);
    t.equal(code, 0, err);
    t.notMatch(out, /sk-/, 'no secret is shown that is in a file');
    return JSON.parse(out).map(({ state }: { state: string }) => state);
  };
  writeFileSync(admin, `${'a'.repeat(40)}\n`);
  t.same(await init(), ['created', 'created']);
  t.same(await scopesOf(dataDir, 'a'.repeat(40)), ALL);
  t.same(await scopesOf(dataDir, secret(metrics)), ['metrics']);
  t.equal(statSync(metrics).mode & 0o777, 0o600);
  t.same(await init(), ['unchanged', 'unchanged']);

  writeFileSync(admin, 'b'.repeat(40));
  t.same(await init(), ['replaced', 'unchanged']);
  t.same(await scopesOf(dataDir, 'b'.repeat(40)), ALL);
  t.equal(await scopesOf(dataDir, 'a'.repeat(40)), null, 'the earlier key opens nothing any more');
});

t.test('a key that could be guessed is refused, and said why', async (t) => {
  const dataDir = emptyDataDir(t);
  const file = join(dataDir, '../keys/admin.key');
  for (const weak of ['secret', '', 'two words that are long enough']) {
    writeFileSync(file, weak);
    t.match(await run('init', '--admin-key-file', file), { code: 1, err: /admin\.key must hold one key of 22 to 256/ });
  }
});

t.test('before each gateway that shares a registry: the first has the keys made, the others find them', async (t) => {
  const server = await startPostgres();
  t.teardown(() => server.close());
  const root = t.testdir({});
  const [one, two, file] = [join(root, 'one'), join(root, 'two'), join(root, 'admin.key')];
  process.env.SWITCHYARD_REGISTRY_URL = await server.createEmptyDatabase();
  t.teardown(() => {
    for (const name of ['SWITCHYARD_REGISTRY_URL', 'SWITCHYARD_DATA']) delete process.env[name];
  });
  const init = async (dataDir: string) => {
    process.env.SWITCHYARD_DATA = dataDir;
    const { code, out, err } = await run('--json', 'init', '--admin-key-file', file);
    t.equal(code, 0, err);
    return JSON.parse(out).map(({ state }: { state: string }) => state);
  };
  t.same(await init(one), ['created']);
  t.same(await init(two), ['unchanged'], 'in a folder without tenants, which gets what is there');
  t.same(await init(one), ['unchanged'], 'and the first is one of them still');
  writeFileSync(file, 'b'.repeat(40));
  t.same(await init(two), ['replaced']);
  t.same(await init(one), ['unchanged'], 'what one did holds for all');
});
