/** What keys of the admin API reach, and which keys they may make. */
import t, { type Test } from 'tap';
import type { ApiKeyInfo, Scope } from '../../src/contracts/registry.js';
import { adminApp } from './admin-app.js';

async function setUp(t: Test) {
  const { root, registry, call } = await adminApp(t);
  await registry.createTenant({ id: 'shop', name: 'Shop' });
  const keyWith = async (scopes: Scope[], more: { groups?: string[]; expiresAt?: number } = {}, tenant = 'bank') =>
    registry.createKey({ tenant, label: scopes.join(), scopes, ...more });
  for (const folder of ['one', 'two']) {
    await registry.addAdapter({ tenant: 'bank', name: 'support', folder: `${root}/${folder}` });
  }
  return { registry, call, keyWith };
}

const MISSING = { status: 403, body: { error: { code: 'scope_missing' } } };
const TOO_WIDE = { status: 403, body: { error: { code: 'key_too_wide' } } };
const NO_TENANT = { status: 404, body: { error: { code: 'not_found', message: /^Tenant shop / } } };

t.test('a release owner reaches versions and deployments of its tenant, and nothing else', async (t) => {
  const { call, keyWith } = await setUp(t);
  const { secret } = await keyWith(['release']);
  const opened = ['/adapters', '/aliases', '/deployments', '/adapters/support/versions/1'];
  const closed = ['/keys', '/signers', '/policies', '/audit', '/reviews', '/data-policy', '/training-examples'];
  for (const path of opened) t.equal((await call('GET', `/tenants/bank${path}`, undefined, secret)).status, 200, path);
  for (const path of closed) t.match(await call('GET', `/tenants/bank${path}`, undefined, secret), MISSING, path);
  for (const path of ['/tenants', '/audit']) t.match(await call('GET', path, undefined, secret), MISSING, path);
  t.match(await call('PUT', '/tenants/bank/adapters/support/versions/2/status', { status: 'approved' }, secret), {
    status: 200,
  });
  const folder = { name: 'support', folder: '/etc' };
  t.match(await call('POST', '/tenants/bank/adapters', folder, secret), MISSING, 'folders of the machine');
  for (const path of opened) t.match(await call('GET', `/tenants/shop${path}`, undefined, secret), NO_TENANT, path);
});

t.test("a tenant's administrator reaches all of its tenant, and no other tenant exists for it", async (t) => {
  const { call, keyWith } = await setUp(t);
  const { secret } = await keyWith(['tenant-admin']);
  for (const path of ['/keys', '/audit', '/deployments', '/policies', '/data-policy']) {
    t.equal((await call('GET', `/tenants/bank${path}`, undefined, secret)).status, 200, path);
    t.match(await call('GET', `/tenants/shop${path}`, undefined, secret), NO_TENANT, path);
  }
  t.match(await call('POST', '/tenants/shop/keys', { label: '', scopes: ['release'] }, secret), NO_TENANT);
  t.match(await call('POST', '/tenants', { id: 'mine', name: '' }, secret), MISSING);
});

t.test('no key makes, rotates, widens or revokes one that may do more than itself', async (t) => {
  const { registry, call, keyWith } = await setUp(t);
  const make = (secret: string, body: object) => call('POST', '/tenants/bank/keys', { label: '', ...body }, secret);
  const admin = await keyWith(['tenant-admin', 'inference']);
  for (const scopes of [['inference'], ['release'], ['tenant-admin'], ['inference', 'release']]) {
    t.match(await make(admin.secret, { scopes }), { status: 201, body: { scopes } }, scopes.join());
  }
  for (const scopes of [['documents'], ['admin'], ['metrics'], ['inference', 'groups']]) {
    t.match(await make(admin.secret, { scopes }), TOO_WIDE, scopes.join());
  }
  const wider = await keyWith(['admin']);
  const path = `/tenants/bank/keys/${wider.id}`;
  t.match(await call('POST', `${path}/rotate`, {}, admin.secret), TOO_WIDE);
  t.match(await call('DELETE', path, undefined, admin.secret), TOO_WIDE);
  t.match(await call('PUT', `${path}/scopes`, { scopes: ['inference'] }, admin.secret), TOO_WIDE);
  t.match(
    await call('PUT', `/tenants/bank/keys/${admin.id}/scopes`, { scopes: ['admin'] }, admin.secret),
    TOO_WIDE,
    'nor itself',
  );
  t.match(await registry.authenticate(wider.secret), { scopes: ['admin'] }, 'nothing of it happened');

  const expiresAt = 1_000_000;
  const short = await keyWith(['tenant-admin'], { expiresAt });
  t.match(await make(short.secret, { scopes: ['release'], expiresAt }), { status: 201 });
  for (const later of [null, expiresAt + 1]) {
    t.match(await make(short.secret, { scopes: ['release'], expiresAt: later }), TOO_WIDE, String(later));
  }
  const bound = await keyWith(['tenant-admin', 'inference'], { groups: ['hr', 'it'] });
  t.match(await make(bound.secret, { scopes: ['inference'], groups: ['hr'] }), { status: 201 });
  for (const groups of [[], ['board'], ['hr', 'board']]) {
    t.match(await make(bound.secret, { scopes: ['inference'], groups }), TOO_WIDE, groups.join());
  }
});

t.test('a key is rotated over the API, and narrowed without another secret', async (t) => {
  const { registry, call, keyWith } = await setUp(t);
  const { id, secret } = await keyWith(['admin', 'inference']);
  const path = `/tenants/bank/keys/${id}`;
  const rotated = await call('POST', `${path}/rotate`, { graceMs: 60_000 });
  t.match(rotated, { status: 200, body: { id, rotatedAt: Number, previousUntil: Number } });
  for (const each of [secret, rotated.body.secret]) t.match(await registry.authenticate(each), { keyId: id });
  t.match(await call('PUT', `${path}/scopes`, { scopes: ['metrics'] }), { status: 200, body: { scopes: ['metrics'] } });
  t.match(await registry.authenticate(rotated.body.secret), { scopes: ['metrics'] });
  t.match(await call('POST', '/tenants/bank/keys/key_none/rotate', {}), { status: 404 });
  t.match(await call('POST', `${path}/rotate`, { graceMs: -1 }), {
    status: 400,
    body: { error: { param: 'graceMs' } },
  });
  const listed = (await call('GET', '/tenants/bank/keys')).body.data as ApiKeyInfo[];
  t.notOk(JSON.stringify(listed).includes('ash"'), 'no hash of a secret');
});

t.test('what has expired is refused, and says so', async (t) => {
  const { call, keyWith } = await setUp(t);
  // The registry's clock of these tests begins long ago.
  const { secret } = await keyWith(['admin'], { expiresAt: 1_100 });
  for (let i = 0; i < 200; i++) await call('GET', '/tenants/nobody/keys');
  t.match(await call('GET', '/tenants', undefined, secret), {
    status: 401,
    body: { error: { code: 'api_key_expired', message: /expired at 1970-01-01T00:00:01\.100Z/ } },
  });
});
