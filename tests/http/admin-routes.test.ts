import t from 'tap';
import { ADMIN_KEY, adminApp, deployment, TENANT_KEY } from './admin-app.js';

t.test('every admin route refuses a key without the scope, and no key at all', async (t) => {
  const { app, call } = await adminApp(t);
  const document = app.swagger() as unknown as { paths: Record<string, Record<string, object>> };
  const admin = Object.entries(document.paths).filter(([path]) => path.startsWith('/admin'));
  const routes = admin.flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => [method.toUpperCase() as 'GET', path.replace('/admin', '')] as const),
  );
  t.ok(routes.length >= 13, `${routes.length} routes`);
  for (const [method, path] of routes) {
    const refused = await call(method, path, undefined, TENANT_KEY);
    t.match(refused, { status: 403, body: { error: { code: 'scope_missing' } } }, `${method} ${path}`);
    const unknown = await call(method, path, undefined, 'sk-nobody');
    t.match(unknown, { status: 401, body: { error: { code: 'invalid_api_key' } } }, `${method} ${path}`);
  }
});

t.test('a tenant and its keys are made, listed and revoked', async (t) => {
  const { registry, call } = await adminApp(t);
  t.match(await call('POST', '/tenants', { id: 'shop', name: 'Shop' }), { status: 201, body: { id: 'shop' } });
  t.match(await call('POST', '/tenants', { id: 'shop', name: 'Shop' }), { status: 409 });
  t.match((await call('GET', '/tenants')).body.data, [{ id: 'bank' }, { id: 'shop', name: 'Shop' }]);

  const { status, body: key } = await call('POST', '/tenants/shop/keys', { label: 'backend', scopes: ['inference'] });
  t.equal(status, 201);
  t.match(await registry.authenticate(key.secret), { tenant: 'shop', scopes: ['inference'] });
  const listed = await call('GET', '/tenants/shop/keys');
  t.match(listed.body.data, [{ id: key.id, label: 'backend', revokedAt: null }]);
  t.notOk(JSON.stringify(listed.body).includes(key.secret));
  t.match(await call('DELETE', `/tenants/shop/keys/${key.id}`), { status: 200, body: { revokedAt: Number } });
  t.equal(await registry.authenticate(key.secret), null);
});

t.test('an adapter is added from a folder, and the answer tells no path of the server', async (t) => {
  const { root, call } = await adminApp(t);
  const added = await call('POST', '/tenants/bank/adapters', { name: 'support', folder: `${root}/one` });
  t.match(added, { status: 201, body: { name: 'support', version: 1, rank: 8 } });
  t.notOk('compiledFile' in added.body);
  t.match((await call('GET', '/tenants/bank/adapters')).body.data, [{ version: 1, digest: added.body.digest }]);
  t.match(await call('POST', '/tenants/bank/adapters', { name: 'support', folder: `${root}/empty` }), {
    status: 422,
    body: { error: { code: 'adapter_invalid', message: /no weights/ } },
  });
});

t.test('a deployment is put, given a canary, promoted and rolled back', async (t) => {
  const { root, call } = await adminApp(t);
  for (const folder of ['one', 'two']) {
    await call('POST', '/tenants/bank/adapters', { name: 'support', folder: `${root}/${folder}` });
  }
  const path = '/tenants/bank/deployments/assistant';
  t.match(await call('PUT', path, deployment), {
    status: 200,
    body: { ...deployment, name: 'assistant', revision: 1 },
  });
  t.match(await call('POST', `${path}/canary`, { version: 2, weight: 12.5 }), {
    body: { canaryVersion: 2, canaryWeight: 12.5 },
  });
  t.match(await call('POST', `${path}/promote`), { status: 200, body: { stableVersion: 2, canaryVersion: null } });
  t.match(await call('POST', `${path}/promote`), { status: 200, body: { stableVersion: 2, revision: 3 } });
  t.match(await call('POST', `${path}/rollback`), { status: 200, body: { stableVersion: 1 } });
  t.match(await call('POST', `${path}/rollback`), { status: 200, body: { stableVersion: 1, revision: 4 } });
  t.match(await call('POST', `${path}/promote`), { status: 409, body: { error: { code: 'no_canary' } } });
  t.match((await call('GET', '/tenants/bank/deployments')).body.data, [{ name: 'assistant', stableVersion: 1 }]);
  t.match(await call('GET', path), { body: { stableVersion: 1, revision: 4 } });
  t.match(await call('PUT', path, { ...deployment, adapter: null, stableVersion: null }), {
    status: 200,
    body: { adapter: null, stableVersion: null },
  });
});

t.test('a wrong body names the field', async (t) => {
  const { call } = await adminApp(t);
  const refused = async (method: 'POST' | 'PUT', path: string, body: object, param: string, status = 400) =>
    t.match(await call(method, path, body), { status, body: { error: { param } } }, param);
  await refused('POST', '/tenants', { id: 'Not Plain', name: '' }, 'id');
  await refused('POST', '/tenants', { id: 'shop' }, 'name');
  await refused('POST', '/tenants/bank/keys', { label: '', scopes: ['root'] }, 'scopes[0]');
  await refused('POST', '/tenants/bank/keys', { label: '', scopes: [] }, 'scopes');
  await refused('POST', '/tenants/bank/keys', { label: '', scopes: ['admin'], secret: 'sk-mine' }, 'secret');
  await refused('POST', '/tenants/bank/deployments/assistant/canary', { version: 2, weight: 101 }, 'weight');
  await refused('PUT', '/tenants/bank/deployments/assistant', { ...deployment, stableVersion: 0 }, 'stableVersion');
  const { topK: _, ...retrieval } = deployment.retrieval;
  await refused('PUT', '/tenants/bank/deployments/assistant', { ...deployment, retrieval }, 'retrieval.topK');
});

t.test('what does not exist is not found', async (t) => {
  const { call } = await adminApp(t);
  for (const path of ['/tenants/nobody/keys', '/tenants/nobody/adapters', '/tenants/bank/deployments/nothing']) {
    t.match(await call('GET', path), { status: 404, body: { error: { code: 'not_found' } } }, path);
  }
  t.match(await call('GET', '/tenants', undefined, ADMIN_KEY), { status: 200 });
});
