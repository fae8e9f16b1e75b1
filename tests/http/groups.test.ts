import t, { type Test } from 'tap';
import { bearer, createFakeEngine, createTestServer, GROUPS_KEY, HR_KEY, KEY, KEY_WITHOUT_ROUTE } from './fakes.js';

const CHAT = { model: 'assistant', messages: [{ role: 'user', content: 'What do we earn?' }] };

async function start(t: Test) {
  const server = await createTestServer({ engine: createFakeEngine({ supportsInfill: true }) });
  t.teardown(() => server.app.close());
  const { app, retrieval } = server;
  const store = await retrieval.createStore('bank', { name: 's', metadata: {} });
  const upload = async (name: string, ...allowedGroups: string[]) => {
    const content = Buffer.from(name);
    const { id } = await retrieval.createFile('bank', { filename: `${name}.md`, purpose: 'assistants', content });
    await retrieval.attachFile('bank', store.id, { fileId: id, attributes: {}, allowedGroups });
    return id;
  };
  const call = async (
    key: string,
    method: 'GET' | 'POST' | 'DELETE',
    url: string,
    { headers = {}, body }: { headers?: Record<string, string>; body?: object } = {},
  ) => {
    const payload = body ? { payload: body } : {};
    const response = await app.inject({ method, url, headers: { ...bearer(key), ...headers }, ...payload });
    const isJson = String(response.headers['content-type']).includes('json');
    return { status: response.statusCode, body: isJson ? response.json() : response.body };
  };
  return { ...server, store, upload, call };
}

t.test('a search is limited to the groups of the header, the token, or else the key', async (t) => {
  const { retrieval, engine, call } = await start(t);
  const cases: [key: string, headers: Record<string, string>, groups: string[]][] = [
    [KEY, {}, []],
    [HR_KEY, {}, ['hr']],
    [GROUPS_KEY, {}, []],
    [GROUPS_KEY, { 'x-groups': 'board, it ,board' }, ['board', 'it']],
    [GROUPS_KEY, { 'x-groups': 'CN=Loans (EMEA)/a' }, ['CN=Loans (EMEA)/a']],
    [GROUPS_KEY, { 'x-groups': '' }, []],
    [KEY, { 'x-groups-token': 'bank.board' }, ['board']],
    [HR_KEY, { 'x-groups-token': 'bank' }, []],
  ];
  for (const [key, headers, groups] of cases) {
    const what = JSON.stringify([key, headers]);
    t.equal((await call(key, 'POST', '/v1/chat/completions', { headers, body: CHAT })).status, 200, what);
    t.same(retrieval.searches.at(-1)?.groups, groups, what);
    t.equal(engine.requests.at(-1)?.audience, groups.join(), 'and so is what the engine remembers');
    const search = { headers, body: { query: 'salary' } };
    t.equal((await call(key, 'POST', '/v1/vector_stores/vs_1/search', search)).status, 200, what);
    t.same(retrieval.searches.at(-1)?.groups, groups, what);
    const infill = { input_prefix: 'a\nb\n', input_suffix: '', retrieval: {} };
    t.equal((await call(key, 'POST', '/infill', { headers, body: infill })).status, 200, what);
    t.same(retrieval.searches.at(-1)?.groups, groups, what);
  }
});

t.test('who may not say groups is refused, and so are names and tokens that are wrong', async (t) => {
  const { retrieval, call } = await start(t);
  const cases: [key: string, headers: Record<string, string>, status: number, code: string][] = [
    [KEY, { 'x-groups': 'hr' }, 403, 'scope_missing'],
    [HR_KEY, { 'x-groups': '' }, 403, 'scope_missing'],
    [KEY, { 'x-groups-token': 'other.hr' }, 401, 'invalid_groups_token'],
    [GROUPS_KEY, { 'x-groups': 'hr', 'x-groups-token': 'bank.hr' }, 400, 'invalid_value'],
    [GROUPS_KEY, { 'x-groups': 'hr,,it' }, 400, 'invalid_value'],
    [GROUPS_KEY, { 'x-groups': 'x'.repeat(129) }, 400, 'invalid_value'],
    [GROUPS_KEY, { 'x-groups': Array.from({ length: 257 }, (_, n) => n).join() }, 400, 'invalid_value'],
  ];
  for (const [key, headers, status, code] of cases) {
    for (const [url, body] of [
      ['/v1/chat/completions', CHAT],
      ['/v1/vector_stores/vs_1/search', { query: 'salary' }],
    ] as const) {
      const refused = await call(key, 'POST', url, { headers, body });
      t.match(refused, { status, body: { error: { code } } }, JSON.stringify([key, headers, url]));
    }
  }
  t.same(retrieval.searches, []);
});

t.test('a file is there for a caller with groups where one of them may see it', async (t) => {
  const { upload, call } = await start(t);
  const ids = { open: await upload('open'), hr: await upload('hr', 'hr'), board: await upload('board', 'board', 'it') };
  const cases: [key: string, headers: Record<string, string>, seen: string[]][] = [
    [KEY, {}, ['open', 'hr', 'board']],
    [HR_KEY, {}, ['open', 'hr']],
    [GROUPS_KEY, { 'x-groups': 'it' }, ['open', 'board']],
    [KEY, { 'x-groups-token': 'bank' }, ['open']],
    [KEY_WITHOUT_ROUTE, {}, []],
  ];
  for (const [key, headers, seen] of cases) {
    for (const [name, id] of Object.entries(ids)) {
      for (const url of [`/v1/files/${id}`, `/v1/files/${id}/content`]) {
        const { status, body } = await call(key, 'GET', url, { headers });
        const expected = seen.includes(name) ? 200 : key === KEY_WITHOUT_ROUTE ? 403 : 404;
        t.equal(status, expected, JSON.stringify([key, headers, url]));
        if (url.endsWith('content') && status === 200) t.equal(body, name);
      }
    }
  }
});

t.test('what is about all documents is not for a caller with groups', async (t) => {
  const { app, store, upload, call } = await start(t);
  const id = await upload('open');
  const stores = `/v1/vector_stores/${store.id}`;
  const routes: ['GET' | 'POST' | 'DELETE', string, object?][] = [
    ['GET', '/v1/files'],
    ['POST', '/v1/files'],
    ['DELETE', `/v1/files/${id}`],
    ['GET', '/v1/vector_stores'],
    ['POST', '/v1/vector_stores', {}],
    ['GET', stores],
    ['POST', stores, { name: 'x' }],
    ['DELETE', stores],
    ['GET', `${stores}/files`],
    ['POST', `${stores}/files`, { file_id: id }],
    ['GET', `${stores}/files/${id}`],
    ['POST', `${stores}/files/${id}`, { allowed_groups: [] }],
    ['DELETE', `${stores}/files/${id}`],
    ['POST', `${stores}/file_batches`, { file_ids: [id] }],
    ['GET', `${stores}/file_batches/x`],
    ['GET', `${stores}/file_batches/x/files`],
    ['POST', `${stores}/file_batches/x/cancel`],
    ['POST', '/v1/files/purge', { file_ids: [id] }],
    ['GET', '/v1/jobs'],
    ['GET', '/v1/jobs/x'],
    ['POST', '/v1/jobs/x/cancel'],
  ];
  for (const [method, url, body] of routes) {
    for (const [key, headers] of [
      [HR_KEY, {}],
      [GROUPS_KEY, { 'x-groups': 'hr' }],
    ] as const) {
      const refused = await call(key, method, url, { headers, ...(body && { body }) });
      t.match(refused, { status: 403, body: { error: { code: 'not_for_groups' } } }, `${method} ${url}`);
    }
  }
  t.equal((await app.inject({ url: '/v1/models', headers: bearer(HR_KEY) })).statusCode, 200);
});

t.test('who may find a document is said where it is attached, and changed later', async (t) => {
  const { retrieval, store, upload, call } = await start(t);
  const id = await upload('open');
  const files = `/v1/vector_stores/${store.id}/files`;
  const attach = await call(KEY, 'POST', files, { body: { file_id: id, allowed_groups: ['hr', 'it'] } });
  t.match(attach.body, { id, allowed_groups: ['hr', 'it'] });
  const change = await call(KEY, 'POST', `${files}/${id}`, { body: { allowed_groups: ['board'] } });
  t.match(change.body, { allowed_groups: ['board'], attributes: {} });
  const attributes = await call(KEY, 'POST', `${files}/${id}`, { body: { attributes: { year: 1 } } });
  t.match(attributes.body, { allowed_groups: ['board'], attributes: { year: 1 } });
  t.match((await call(KEY, 'GET', `${files}/${id}`)).body, { allowed_groups: ['board'] });
  t.match((await call(KEY, 'POST', `${files}/${id}`, { body: {} })).body.error, { code: 'invalid_value' });

  const batches = `/v1/vector_stores/${store.id}/file_batches`;
  await call(KEY, 'POST', batches, { body: { file_ids: [id], allowed_groups: ['a'] } });
  t.match(await retrieval.getStoreFile('bank', store.id, id), { allowedGroups: ['a'] });
  await call(KEY, 'POST', batches, { body: { files: [{ file_id: id, allowed_groups: ['b'] }] } });
  t.match(await retrieval.getStoreFile('bank', store.id, id), { allowedGroups: ['b'] });
  const twice = await call(KEY, 'POST', batches, { body: { files: [{ file_id: id }], allowed_groups: ['b'] } });
  t.match(twice.body.error, { code: 'invalid_value', param: 'allowed_groups' });
  const sizes = { max_chunk_size_tokens: 200, chunk_overlap_tokens: 0 };
  const all = { allowed_groups: ['c'], chunking_strategy: { type: 'static', static: sizes } };
  for (const [url, body] of [
    [files, { file_id: id, path: 'a.md', ...all }],
    [batches, { files: [{ file_id: id, path: 'a.md', ...all }] }],
  ] as const) {
    t.equal((await call(KEY, 'POST', url, { body })).status, 200);
    t.match((await call(KEY, 'GET', `${files}/${id}`)).body, { path: 'a.md', ...all });
    await call(KEY, 'DELETE', `${files}/${id}`);
  }
  await call(KEY, 'POST', batches, { body: { file_ids: [id], ...all } });
  t.match((await call(KEY, 'GET', `${files}/${id}`)).body, { path: null, ...all });

  for (const wrong of [['a,b'], [''], [' a'], ['ä'], ['x'.repeat(129)], Array(65).fill('a'), 'hr']) {
    const refused = await call(KEY, 'POST', `${files}/${id}`, { body: { allowed_groups: wrong } });
    t.match(refused.body.error, { code: 'invalid_value', param: /^allowed_groups/ }, JSON.stringify(wrong));
  }
});

t.test('a deployment answers from the stores that it names, unless the request names others', async (t) => {
  const { registry, retrieval, call } = await start(t);
  const [assistant] = registry.deployments;
  const named = { ...assistant!.retrieval, storeIds: ['vs_8', 'vs_9'] };
  registry.deployments[0] = { ...assistant!, retrieval: named };
  const cases: [object, string[]][] = [
    [{}, ['vs_8', 'vs_9']],
    [{ retrieval: { top_k: 1 } }, ['vs_8', 'vs_9']],
    [{ tools: [{ type: 'file_search', vector_store_ids: [] }] }, ['vs_8', 'vs_9']],
    [{ retrieval: { store_id: 'vs_1' } }, ['vs_1']],
  ];
  for (const [more, storeIds] of cases) {
    await call(KEY, 'POST', '/v1/chat/completions', { body: { ...CHAT, ...more } });
    t.same(retrieval.searches.at(-1)?.storeIds, storeIds, JSON.stringify(more));
  }
});
