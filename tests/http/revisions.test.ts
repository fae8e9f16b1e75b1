import t, { type Test } from 'tap';
import { dataPolicy } from '../fixtures/data-policy.js';
import { ADMIN_KEY, adminApp, TENANT_KEY } from './admin-app.js';

async function setUp(t: Test) {
  const { app, registry } = await adminApp(t);
  const send = async (
    method: 'GET' | 'PUT' | 'POST' | 'DELETE',
    path: string,
    body?: object,
    headers: Readonly<Record<string, string>> = {},
    key = ADMIN_KEY,
  ) => {
    const response = await app.inject({
      method,
      url: `/admin/tenants${path}`,
      headers: { authorization: `Bearer ${key}`, ...headers },
      ...(body && { payload: body }),
    });
    return { status: response.statusCode, etag: response.headers.etag, body: response.json() };
  };
  return { registry, send };
}

const stale = (revision: number) => ({
  status: 412,
  body: { error: { code: 'revision_mismatch', message: new RegExp(`revision ${revision}, not`) } },
});

t.test('a tenant has a revision, by which it is renamed', async (t) => {
  const { registry, send } = await setUp(t);
  const made = await send('POST', '', { id: 'shop', name: 'Shop' });
  t.match(made, { status: 201, etag: '"1"', body: { revision: 1 } });
  t.match(await send('GET', '/shop'), { status: 200, etag: '"1"', body: { id: 'shop', name: 'Shop' } });
  const renamed = await send('PUT', '/shop', { name: 'Store' }, { 'if-match': '"1"' });
  t.match(renamed, { status: 200, etag: '"2"', body: { name: 'Store', revision: 2 } });
  t.match(await send('PUT', '/shop', { name: 'Else' }, { 'if-match': '"1"' }), stale(2));
  t.match(await send('PUT', '/shop', { name: 'Else' }, { 'if-none-match': '*' }), stale(2));
  t.match(await send('PUT', '/shop', { name: 'Store' }), { etag: '"2"' }, 'what changes nothing is no change');
  t.match(await send('PUT', '/shop', { name: 'x'.repeat(201) }), { status: 400, body: { error: { param: 'name' } } });
  t.match(await send('PUT', '/nobody', { name: 'x' }), { status: 404 });
  const { entries } = await registry.listAudit('shop', { limit: 9, before: null });
  t.match(entries, [{ action: 'tenant.renamed', before: { name: 'Shop' }, after: { name: 'Store' } }, {}]);

  await registry.createKey({ tenant: 'bank', label: '', scopes: ['tenant-admin'], secret: 'sk-own' });
  t.match(await send('GET', '/bank', undefined, {}, 'sk-own'), { status: 200, body: { name: 'Bank' } });
  t.match(await send('GET', '/shop', undefined, {}, 'sk-own'), { status: 404 });
  t.match(await send('PUT', '/bank', { name: 'x' }, {}, 'sk-own'), { status: 403 });
});

t.test('a key has a revision, by which it is rotated, narrowed and revoked', async (t) => {
  const { registry, send } = await setUp(t);
  const made = await send('POST', '/bank/keys', { label: 'ci', scopes: ['inference', 'release'] });
  t.match(made, { status: 201, etag: '"1"', body: { revision: 1 } });
  const path = `/bank/keys/${made.body.id}`;
  await registry.authenticate(made.body.secret);
  const shown = await send('GET', path);
  t.match(shown, { etag: '"1"', body: { lastUsedAt: Number, revision: 1 } }, 'that it is used is no change');
  t.notOk('secret' in shown.body);

  const at = (revision: number) => ({ 'if-match': `"${revision}"` });
  t.match(await send('POST', `${path}/rotate`, {}, at(7)), stale(1));
  t.match(await registry.authenticate(made.body.secret), { keyId: made.body.id }, 'and it opens as before');
  t.match(await send('POST', `${path}/rotate`, {}, at(1)), { status: 200, etag: '"2"' });
  t.match(await send('PUT', `${path}/scopes`, { scopes: ['inference'] }, at(1)), stale(2));
  t.match(await send('PUT', `${path}/scopes`, { scopes: ['inference'] }, at(2)), { status: 200, etag: '"3"' });
  t.match(await send('DELETE', path, undefined, at(2)), stale(3));
  t.match(await send('DELETE', path, undefined, at(3)), { status: 200, etag: '"4"', body: { revokedAt: Number } });
  t.match(await send('DELETE', path), { etag: '"4"' });

  await registry.createTenant({ id: 'shop', name: 'Shop' });
  t.match(await send('GET', `/shop/keys/${made.body.id}`), { status: 404, body: { error: { code: 'not_found' } } });
  t.match(await send('GET', path, undefined, {}, TENANT_KEY), { status: 403 });
});

t.test(
  'a key that is asked for again with its idempotency key is made once, and opened by the last secret',
  async (t) => {
    const { registry, send } = await setUp(t);
    const body = { label: 'ci', scopes: ['inference'], groups: ['a'] };
    const once = { 'idempotency-key': 'deploy-7' };
    const lost = await send('POST', '/bank/keys', body, once);
    const again = await send('POST', '/bank/keys', body, once);
    t.match(again, { status: 201, etag: '"2"', body: { id: lost.body.id } });
    t.equal((await registry.listKeys('bank')).filter(({ label }) => label === 'ci').length, 1);
    t.equal(await registry.authenticate(lost.body.secret), null);
    t.match(await registry.authenticate(again.body.secret), { keyId: lost.body.id, groups: ['a'] });

    const reused = { status: 409, body: { error: { code: 'idempotency_key_reused', message: /deploy-7/ } } };
    t.match(await send('POST', '/bank/keys', { ...body, scopes: ['documents'] }, once), reused);
    await registry.createTenant({ id: 'shop', name: 'Shop' });
    const other = await send('POST', '/shop/keys', body, once);
    t.equal(other.status, 201);
    t.not(other.body.id, lost.body.id, 'another tenant has idempotency keys of its own');
    await registry.rotateKey('bank', lost.body.id, 0);
    t.match(await send('POST', '/bank/keys', body, once), reused, 'a secret that was not lost stays');
    await registry.revokeKey('bank', lost.body.id);
    t.match(await send('POST', '/bank/keys', body, once), { status: 400, body: { error: { message: /was revoked/ } } });
  },
);

t.test('a rotation that is asked for again leaves the secret that is in use', async (t) => {
  const { registry, send } = await setUp(t);
  const { id, secret: used } = await registry.createKey({ tenant: 'bank', label: '', scopes: ['inference'] });
  const rotate = (key: string) =>
    send('POST', `/bank/keys/${id}/rotate`, { graceMs: 60_000 }, { 'idempotency-key': key, 'if-match': '"1"' });
  const lost = await rotate('one');
  const again = await rotate('one');
  t.match(again, { status: 200, body: { id, previousUntil: lost.body.previousUntil } });
  for (const secret of [used, again.body.secret]) t.match(await registry.authenticate(secret), { keyId: id });
  t.equal(await registry.authenticate(lost.body.secret), null);
  t.match(await rotate('two'), stale(3));
});

t.test('a data policy has a revision', async (t) => {
  const { send } = await setUp(t);
  const policy = dataPolicy({ retentionDays: 30 });
  t.match(await send('GET', '/bank/data-policy'), { etag: '"0"', body: { revision: 0 } });
  t.match(await send('PUT', '/bank/data-policy', policy, { 'if-match': '"0"' }), { status: 200, etag: '"1"' });
  t.match(await send('PUT', '/bank/data-policy', { ...policy, retentionDays: 9 }, { 'if-match': '"0"' }), stale(1));
  t.match(await send('PUT', '/bank/data-policy', policy), { etag: '"1"', body: { retentionDays: 30, revision: 1 } });
});
