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

t.test('what an adapter computed is used no more once it is retired or deleted', async (t) => {
  const { root, call, forgotten } = await adminApp(t);
  const { body: added } = await call('POST', '/tenants/bank/adapters', { name: 'support', folder: `${root}/one` });
  const path = '/tenants/bank/adapters/support/versions/1';
  await call('PUT', `${path}/status`, { status: 'quarantined' });
  t.same(forgotten, [], 'it still answers who names it');
  await call('PUT', `${path}/status`, { status: 'retired' });
  t.same(forgotten.splice(0), [['bank', added.digest]]);
  t.equal((await call('DELETE', path)).status, 200);
  t.same(forgotten, [['bank', added.digest]]);
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
  const rules = { groups: ['beta'], shadowWeight: 10 };
  t.match(await call('POST', `${path}/canary`, { version: 2, weight: 12.5, ...rules }), {
    body: { canaryGroups: ['beta'], shadowWeight: 10 },
  });
  t.match(await call('POST', `${path}/canary`, { version: 2, weight: 1, shadowWeight: 101 }), {
    status: 400,
    body: { error: { param: 'shadowWeight' } },
  });
  t.match(await call('POST', `${path}/promote`), { status: 200, body: { stableVersion: 2, canaryVersion: null } });
  t.match(await call('POST', `${path}/promote`), { status: 200, body: { stableVersion: 2, revision: 4 } });
  t.match(await call('POST', `${path}/rollback`), { status: 200, body: { stableVersion: 1 } });
  t.match(await call('POST', `${path}/rollback`), { status: 200, body: { stableVersion: 1, revision: 5 } });
  t.match(await call('POST', `${path}/promote`), { status: 409, body: { error: { code: 'no_canary' } } });
  t.match((await call('GET', '/tenants/bank/deployments')).body.data, [{ name: 'assistant', stableVersion: 1 }]);
  t.match(await call('GET', path), { body: { stableVersion: 1, revision: 5 } });
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

t.test('card and bill of materials of what does not exist are an error as any other', async (t) => {
  const { app, call } = await adminApp(t);
  for (const what of ['card', 'bom']) {
    const url = `/admin/tenants/bank/adapters/support/versions/9/${what}`;
    const response = await app.inject({ url, headers: { authorization: `Bearer ${ADMIN_KEY}` } });
    t.equal(response.statusCode, 404);
    t.match(response.headers['content-type'], 'application/json');
    t.match(response.json().error, { code: 'not_found' });
  }
  const nothing = await call('POST', '/tenants/bank/adapters/support/versions/9/evaluations', {
    name: 'x',
    figures: {},
  });
  t.match(nothing, { status: 400, body: { error: { code: 'invalid_value', param: 'figures' } } });
});

t.test('a deployment is changed on the condition of its etag, and once for one idempotency key', async (t) => {
  const { root, app, call } = await adminApp(t);
  for (const folder of ['one', 'two']) {
    await call('POST', '/tenants/bank/adapters', { name: 'support', folder: `${root}/${folder}` });
  }
  const path = '/tenants/bank/deployments/assistant';
  const send = async (
    method: 'GET' | 'PUT' | 'POST',
    url: string,
    body?: object,
    headers: Record<string, string> = {},
  ) => {
    const response = await app.inject({
      method,
      url: `/admin${url}`,
      headers: { authorization: `Bearer ${ADMIN_KEY}`, ...headers },
      ...(body && { payload: body }),
    });
    return { status: response.statusCode, etag: response.headers.etag, body: response.json() };
  };
  t.match(await send('PUT', path, deployment, { 'if-none-match': '*' }), { status: 200, etag: '"1"' });
  t.match(await send('PUT', path, deployment, { 'if-none-match': '*' }), {
    status: 412,
    body: { error: { code: 'revision_mismatch', message: /revision 1/ } },
  });
  t.match(await send('GET', path), { etag: '"1"' });
  const canary = { version: 2, weight: 20 };
  t.match(await send('POST', `${path}/canary`, canary, { 'if-match': '"7"' }), { status: 412 });
  t.match(await send('POST', `${path}/canary`, canary, { 'if-match': 'x' }), { status: 400 });
  t.match(await send('POST', `${path}/canary`, canary, { 'if-match': '"1"' }), { status: 200, etag: '"2"' });
  const once = { 'idempotency-key': 'one', 'if-match': '"2"' };
  t.match(await send('POST', `${path}/promote`, undefined, once), { status: 200, etag: '"3"' });
  t.match(await send('POST', `${path}/promote`, undefined, once), { status: 200, etag: '"3"' });
  t.match(await send('POST', `${path}/rollback`, undefined, once), {
    status: 409,
    body: { error: { code: 'idempotency_key_reused' } },
  });
});

t.test('a rollout is started with what its plan leaves out, shown, and told as events by their makers', async (t) => {
  const { root, registry, call } = await adminApp(t);
  for (const folder of ['one', 'two']) {
    await call('POST', '/tenants/bank/adapters', { name: 'support', folder: `${root}/${folder}` });
  }
  const path = '/tenants/bank/deployments/assistant';
  await call('PUT', path, deployment);
  const wrong = await call('POST', `${path}/rollout`, { version: 2, metrics: { errors: { tolerance: 5 } } });
  t.match(wrong, { status: 400, body: { error: { param: 'metrics.errors.tolerance' } } });
  t.match(await call('POST', `${path}/rollout`, { version: 2, metrics: { mood: {} } }), { status: 400 });
  t.match(
    await call('POST', `${path}/rollout`, { version: 2, leastAnswers: 9, metrics: { errors: { tolerance: 0.2 } } }),
    {
      status: 200,
      body: {
        canaryWeight: 1,
        rollout: { steps: [1, 5, 25, 50, 100], leastAnswers: 9, metrics: { errors: { tolerance: 0.2 } } },
      },
    },
  );
  t.match(await call('GET', `${path}/rollout`), {
    status: 200,
    body: { deployment: { canaryVersion: 2 }, verdict: { outcome: 'inconclusive', metrics: [{ metric: 'errors' }] } },
  });
  t.match(await call('POST', `${path}/rollout/advance`), { status: 200, body: { canaryWeight: 5 } });
  const key = (await registry.listKeys('bank')).find(({ label }) => label === 'admin')!;
  const { body } = await call('GET', `${path}/events?limit=2`);
  t.match(body.data, [{ type: 'advanced', actor: key.id, evidence: null }, { type: 'started' }]);
});

t.test('webhooks are added, listed, rotated and removed by the tenant, and secrets are shown once', async (t) => {
  const { registry, call } = await adminApp(t);
  await registry.createTenant({ id: 'shop', name: 'Shop' });
  await registry.createKey({ tenant: 'bank', label: 'own', scopes: ['tenant-admin'], secret: 'sk-own' });
  const path = '/tenants/bank/webhooks';
  const body = { url: 'https://ci.example.com/hook', events: ['promoted'] };
  const added = await call('POST', path, body, 'sk-own');
  t.match(added, { status: 201, body: { ...body, secret: /^whsec_/, lastAt: null } });
  const { id, secret } = added.body;
  const listed = await call('GET', path, undefined, 'sk-own');
  t.match(listed.body.data, [{ id, ...body }]);
  t.notOk(JSON.stringify(listed).includes('whsec_'));
  const rotated = await call('POST', `${path}/${id}/rotate`, undefined, 'sk-own');
  t.not(rotated.body.secret, secret);
  t.type(rotated.body.previousUntil, 'number');
  t.match(await call('POST', path, { ...body, events: ['nothing'] }), { status: 400 });
  t.match(await call('POST', '/tenants/shop/webhooks', body, 'sk-own'), { status: 404 });
  t.match(await call('POST', path, body, TENANT_KEY), { status: 403 });
  t.match(await call('DELETE', `${path}/${id}`, undefined, 'sk-own'), { status: 200, body: { id } });
  t.match(await call('DELETE', `${path}/${id}`, undefined, 'sk-own'), { status: 404 });
});

t.test('an experiment is started, shown and stopped, and an arm of it adopted', async (t) => {
  const stores: string[] = [];
  const retrieval = { getStore: async (_: string, id: string) => stores.push(id) } as never;
  const { root, call } = await adminApp(t, { retrieval });
  for (const folder of ['one', 'two']) {
    await call('POST', '/tenants/bank/adapters', { name: 'support', folder: `${root}/${folder}` });
  }
  const path = '/tenants/bank/deployments/assistant';
  await call('PUT', path, deployment);
  t.match(await call('GET', `${path}/experiment`), { status: 200, body: { report: null, endedAt: null } });
  const policy = { name: 'strict', revision: 1 };
  await call('PUT', '/tenants/bank/policies/strict', { rules: { input: [], passages: [], output: [] } });
  const arms = [
    { name: 'as-is', weight: 50 },
    { name: 'wide', weight: 50, version: 2, retrieval: { topK: 8, storeIds: ['vs_1'] }, policy },
  ];
  const refused = async (body: object, param: string) =>
    t.match(await call('POST', `${path}/experiment`, body), { status: 400, body: { error: { param } } }, param);
  await refused({ arms }, 'goal');
  await refused({ goal: 'fame', arms }, 'goal');
  await refused({ goal: 'cost', arms: [arms[0], { ...arms[1], retrieval: { topK: 0 } }] }, 'arms[1].retrieval.topK');
  await refused({ goal: 'cost', arms: [arms[0], { ...arms[1], temperature: 1 }] }, 'arms[1].temperature');
  await refused({ goal: 'cost', arms: [arms[0], { ...arms[1], weight: 20 }] }, 'arms');
  t.match(await call('POST', `${path}/experiment`, { goal: 'cost', arms, leastAnswers: 5 }), {
    status: 200,
    body: { revision: 2, experiment: { goal: 'cost', arms, leastAnswers: 5, mostAnswers: 20_000, startedAt: Number } },
  });
  t.same([...new Set(stores)], ['vs_1']);
  t.match(await call('GET', `${path}/experiment`), {
    body: { report: { outcome: 'running', reason: '0 of 5 answers of as-is that tell', winner: null }, endedAt: null },
  });
  t.match(await call('PUT', path, { ...deployment, instructions: 'Other.' }), {
    status: 409,
    body: { error: { code: 'experiment_under_way', message: /experiments stop/ } },
  });
  t.match(await call('POST', `${path}/experiment/adopt`, { arm: 'wide' }), { status: 409 });
  t.match(await call('POST', `${path}/experiment/stop`), { status: 200, body: { experiment: null, revision: 3 } });
  t.match(await call('POST', `${path}/experiment/stop`), { status: 200, body: { revision: 3 } });
  t.match(await call('GET', `${path}/experiment`), {
    body: { report: { outcome: 'undecided', reason: /^stopped: 0 of 5/ }, endedAt: Number },
  });
  t.match(await call('POST', `${path}/experiment/adopt`, { arm: 'narrow' }), {
    status: 400,
    body: { error: { param: 'arm', message: /as-is, wide/ } },
  });
  t.match(await call('POST', `${path}/experiment/adopt`, { arm: 'wide' }), {
    status: 200,
    body: {
      stableVersion: 2,
      instructions: deployment.instructions,
      retrieval: { topK: 8, storeIds: ['vs_1'], minScore: 0.1 },
      policy,
    },
  });
  t.match(await call('POST', `${path}/rollback`), { body: { stableVersion: 1 } });
});
