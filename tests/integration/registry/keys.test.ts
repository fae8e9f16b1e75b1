import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
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
