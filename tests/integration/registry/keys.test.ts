import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openTestRegistry } from './open.js';

t.test('a key speaks for its tenant with its scopes until it is revoked', async (t) => {
  const registry = await openTestRegistry(t.testdir({}));
  t.teardown(() => registry.close());
  await registry.createTenant({ id: 'bank', name: 'Bank' });
  const key = await registry.createKey({ tenant: 'bank', label: 'backend', scopes: ['inference', 'route'] });
  t.match(key.secret, /^sk-[A-Za-z0-9_-]{43}$/);
  t.same(await registry.authenticate(key.secret), {
    keyId: key.id,
    tenant: 'bank',
    scopes: ['inference', 'route'],
    groups: null,
  });

  const revoked = await registry.revokeKey('bank', key.id);
  t.ok(revoked.revokedAt);
  t.equal(await registry.authenticate(key.secret), null);
  t.same(await registry.revokeKey('bank', key.id), revoked, 'revoking again changes nothing');
});

t.test('unknown, empty and huge keys open nothing', async (t) => {
  const registry = await openTestRegistry(t.testdir({}));
  t.teardown(() => registry.close());
  for (const key of ['', 'sk-', 'sk-unknown', 'x'.repeat(10_000_000)]) t.equal(await registry.authenticate(key), null);
});

t.test('the secret is shown once and nowhere in the database', async (t) => {
  const dataDir = t.testdir({});
  const registry = await openTestRegistry(dataDir);
  await registry.createTenant({ id: 'bank', name: 'Bank' });
  const key = await registry.createKey({ tenant: 'bank', label: 'backend', scopes: ['inference'] });
  const [listed] = await registry.listKeys('bank');
  t.notOk(JSON.stringify(listed).includes(key.secret));
  t.equal(listed?.id, key.id);
  await registry.close();
  t.notOk(readFileSync(join(dataDir, 'registry.db')).includes(key.secret.slice(3)));
});

t.test('demo keys open something only while the demo runs', async (t) => {
  const dataDir = t.testdir({});
  const demo = await openTestRegistry(dataDir, { demo: true });
  await demo.createTenant({ id: 'bank', name: 'Bank' });
  await demo.createKey({ tenant: 'bank', label: 'demo', scopes: ['admin'], secret: 'sk-demo-bank' });
  t.match(await demo.authenticate('sk-demo-bank'), { tenant: 'bank' });
  await demo.close();

  const production = await openTestRegistry(dataDir);
  t.teardown(() => production.close());
  t.equal(await production.authenticate('sk-demo-bank'), null);
});

t.test('a tenant sees and revokes only its own keys', async (t) => {
  const registry = await openTestRegistry(t.testdir({}));
  t.teardown(() => registry.close());
  await registry.createTenant({ id: 'bank', name: 'Bank' });
  await registry.createTenant({ id: 'copilot', name: 'Copilot' });
  const key = await registry.createKey({ tenant: 'bank', label: '', scopes: ['inference'] });
  t.same(await registry.listKeys('copilot'), []);
  await t.rejects(registry.revokeKey('copilot', key.id), { code: 'not_found' });
  t.ok(await registry.authenticate(key.secret));
});

t.test('wrong scopes, labels, tenants and repeated secrets are refused', async (t) => {
  const registry = await openTestRegistry(t.testdir({}), { demo: true });
  t.teardown(() => registry.close());
  await registry.createTenant({ id: 'bank', name: 'Bank' });
  const key = { tenant: 'bank', label: '', scopes: ['inference'] as const };
  await t.rejects(registry.createKey({ ...key, scopes: [] }), { code: 'invalid_value', params: { param: 'scopes' } });
  await t.rejects(registry.createKey({ ...key, scopes: ['root' as 'admin'] }), { message: /got \["root"\]/ });
  await t.rejects(registry.createKey({ ...key, label: 'x'.repeat(201) }), { message: /label: .* 200 .* 201/ });
  await t.rejects(registry.createKey({ ...key, tenant: 'nobody' }), { code: 'not_found' });
  await registry.createKey({ ...key, secret: 'sk-demo-bank' });
  await t.rejects(registry.createKey({ ...key, secret: 'sk-demo-bank' }), { code: 'already_exists' });
});

t.test('tenants have plain, unique names', async (t) => {
  const registry = await openTestRegistry(t.testdir({}));
  t.teardown(() => registry.close());
  const bank = await registry.createTenant({ id: 'bank', name: 'Bank' });
  t.same(await registry.listTenants(), [bank]);
  await t.rejects(registry.createTenant({ id: 'bank', name: 'Other' }), { code: 'already_exists' });
  for (const id of ['', 'Bank', 'a b', '-a', 'a/b', 'a@1', 'x'.repeat(64)]) {
    await t.rejects(registry.createTenant({ id, name: '' }), { code: 'invalid_value', params: { param: 'id' } }, id);
  }
});

t.test('a key may be bound to groups', async (t) => {
  const registry = await openTestRegistry(t.testdir({}));
  t.teardown(() => registry.close());
  await registry.createTenant({ id: 'bank', name: 'Bank' });
  const key = { tenant: 'bank', label: '', scopes: ['inference'] as const };
  const { secret } = await registry.createKey({ ...key, groups: ['hr', 'it', 'hr'] });
  t.match(await registry.authenticate(secret), { groups: ['hr', 'it'] });
  t.match(await registry.listKeys('bank'), [{ groups: ['hr', 'it'] }]);
  await t.rejects(registry.createKey({ ...key, groups: ['a,b'] }), {
    code: 'invalid_value',
    params: { param: 'groups' },
  });
  const many = Array.from({ length: 257 }, (_, n) => `${n}`);
  await t.rejects(registry.createKey({ ...key, groups: many }), { message: /at most 256, got 257/ });
});

async function withKey(t: Test) {
  const registry = await openTestRegistry(t.testdir({}));
  t.teardown(() => registry.close());
  await registry.createTenant({ id: 'bank', name: 'Bank' });
  const create = (expiresAt?: number) =>
    registry.createKey({ tenant: 'bank', label: '', scopes: ['inference'], ...(expiresAt && { expiresAt }) });
  /** The clock moves one millisecond at every look. */
  const wait = async (looks: number) => {
    for (let i = 0; i < looks; i++) await registry.authenticate('sk-unknown');
  };
  return { registry, create, wait };
}

t.test('a key opens nothing from its expiry on', async (t) => {
  const { registry, create, wait } = await withKey(t);
  const { secret, expiresAt } = await create(1_100);
  t.equal(expiresAt, 1_100);
  t.match(await registry.authenticate(secret), { tenant: 'bank' });
  await wait(100);
  await t.rejects(registry.authenticate(secret), { code: 'api_key_expired', message: /1970-01-01T00:00:01\.100Z/ });
  for (const wrong of [1, 1_200.5, 4e11])
    await t.rejects(create(wrong), { code: 'invalid_value', message: /^expiresAt/ });
});

t.test('a rotated key has another secret, and the one before opens as long as was said', async (t) => {
  const { registry, create, wait } = await withKey(t);
  const { id, secret } = await create();
  const first = await registry.rotateKey('bank', id, 50);
  t.match(first, { id, rotatedAt: Number, previousUntil: first.rotatedAt! + 50 });
  for (const each of [secret, first.secret]) t.match(await registry.authenticate(each), { keyId: id });
  await wait(60);
  t.equal(await registry.authenticate(secret), null);
  t.match(await registry.authenticate(first.secret), { keyId: id });

  const second = await registry.rotateKey('bank', id, 1_000);
  const third = await registry.rotateKey('bank', id, 0);
  for (const each of [first.secret, second.secret]) t.equal(await registry.authenticate(each), null, 'only the last');
  t.match(await registry.authenticate(third.secret), { keyId: id });
  await registry.revokeKey('bank', id);
  await t.rejects(registry.rotateKey('bank', id, 0), { code: 'invalid_value', message: /was revoked/ });
  await t.rejects(registry.rotateKey('shop', id, 0), { code: 'not_found' });
});

t.test('a revoked key opens with neither of its secrets', async (t) => {
  const { registry, create } = await withKey(t);
  const { id, secret } = await create();
  const rotated = await registry.rotateKey('bank', id, 10_000);
  await registry.revokeKey('bank', id);
  for (const each of [secret, rotated.secret]) t.equal(await registry.authenticate(each), null);
});

t.test('a key tells to a minute when it was used', async (t) => {
  let now = 5_000;
  const registry = await openTestRegistry(t.testdir({}), { clock: { now: () => now, monotonicMs: () => now } });
  t.teardown(() => registry.close());
  await registry.createTenant({ id: 'bank', name: 'Bank' });
  const { secret, lastUsedAt } = await registry.createKey({ tenant: 'bank', label: '', scopes: ['inference'] });
  t.equal(lastUsedAt, null);
  for (const [at, noted] of [
    [6_000, 6_000],
    [65_999, 6_000],
    [66_000, 66_000],
    [70_000, 66_000],
  ] as const) {
    now = at;
    await registry.authenticate(secret);
    t.match(await registry.listKeys('bank'), [{ lastUsedAt: noted }], `at ${at}`);
  }
});

t.test('what a key may do changes with the next request, with a line in the audit log', async (t) => {
  const { registry, create } = await withKey(t);
  const { id, secret } = await create();
  await registry.setKeyScopes('bank', id, ['release', 'tenant-admin']);
  t.match(await registry.authenticate(secret), { scopes: ['release', 'tenant-admin'] });
  await registry.setKeyScopes('bank', id, ['release', 'tenant-admin']);
  await t.rejects(registry.setKeyScopes('bank', id, []), { code: 'invalid_value' });
  const { entries } = await registry.listAudit('bank', { limit: 10, before: null });
  t.match(entries, [
    {
      action: 'key.scopes_changed',
      subject: id,
      before: { scopes: ['inference'] },
      after: { scopes: ['release', 'tenant-admin'] },
    },
    { action: 'key.created' },
    { action: 'tenant.created' },
  ]);
});
