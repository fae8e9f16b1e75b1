import t from 'tap';
import { bearer, createTestServer, KEY, OTHER_KEY, passage } from './fakes.js';

async function start() {
  const server = await createTestServer();
  const call = async (method: 'GET' | 'POST' | 'DELETE', path: string, body?: object, key = KEY) => {
    const url = `/v1/vector_stores${path}`;
    const response = await server.app.inject({ method, url, headers: bearer(key), ...(body && { payload: body }) });
    return { status: response.statusCode, headers: response.headers, body: response.json() };
  };
  const addFile = (filename: string) =>
    server.retrieval.createFile('bank', { filename, purpose: 'assistants', content: Buffer.from('x') });
  return { ...server, call, addFile };
}

t.test('a store is created, renamed, listed and deleted', async (t) => {
  const { app, call } = await start();
  t.teardown(() => app.close());
  const { body: store } = await call('POST', '', { name: 'Policies', metadata: { team: 'cards' } });
  t.match(store, {
    id: /^vs_/,
    object: 'vector_store',
    name: 'Policies',
    status: 'completed',
    file_counts: { in_progress: 0, completed: 0, failed: 0, cancelled: 0, total: 0 },
    metadata: { team: 'cards' },
  });
  t.match((await call('POST', `/${store.id}`, { name: 'Rules' })).body, { name: 'Rules', metadata: { team: 'cards' } });
  t.match((await call('GET', '')).body, { object: 'list', data: [{ id: store.id }], has_more: false });
  t.same((await call('DELETE', `/${store.id}`)).body, {
    id: store.id,
    object: 'vector_store.deleted',
    deleted: true,
  });
  t.equal((await call('GET', `/${store.id}`)).status, 404);
});

t.test('a store says when it expires, and that it did', async (t) => {
  const { app, call, retrieval } = await start();
  t.teardown(() => app.close());
  const expires_after = { anchor: 'last_active_at', days: 7 };
  const { body: store } = await call('POST', '', { name: 'Case', expires_after });
  t.match(store, { expires_after, expires_at: store.last_active_at + 7 * 86_400, status: 'completed' });
  const longer = { ...expires_after, days: 30 };
  t.match((await call('POST', `/${store.id}`, { expires_after: longer })).body, { expires_after: longer });
  t.match((await call('POST', `/${store.id}`, { name: 'x' })).body, { expires_after: longer });
  const { getStore } = retrieval;
  retrieval.getStore = async (...args) => ({ ...(await getStore(...args)), isExpired: true });
  t.match((await call('GET', `/${store.id}`)).body, { status: 'expired' });
});

t.test('how a file is cut, and whose place it takes, is passed on and shown', async (t) => {
  const { app, call, addFile } = await start();
  t.teardown(() => app.close());
  const { id } = await addFile('a.md');
  const chunking_strategy = { type: 'static', static: { max_chunk_size_tokens: 400, chunk_overlap_tokens: 200 } };
  const { body: store } = await call('POST', '', { file_ids: [id], chunking_strategy });
  t.same((await call('GET', `/${store.id}/files/${id}`)).body.chunking_strategy, chunking_strategy);
  const attach = (more: object) => call('POST', `/${store.id}/files`, { file_id: id, ...more });
  t.match((await attach({ path: 'docs/a.md' })).body, { path: 'docs/a.md', chunking_strategy: { type: 'other' } });
  t.match((await attach({ chunking_strategy: { type: 'auto' } })).body, {
    path: null,
    chunking_strategy: { type: 'other' },
  });
  const batch = { files: [{ file_id: id, path: 'b.md', chunking_strategy }] };
  t.equal((await call('POST', `/${store.id}/file_batches`, batch)).status, 200);
  t.match((await call('GET', `/${store.id}/files/${id}`)).body, { path: 'b.md', chunking_strategy });
  t.equal((await call('POST', `/${store.id}/file_batches`, { file_ids: [id], chunking_strategy })).status, 200);
  t.match((await call('GET', `/${store.id}/files/${id}`)).body, { path: null, chunking_strategy });
});

t.test('files given at creation are attached; one that does not exist leaves no store behind', async (t) => {
  const { app, call, addFile } = await start();
  t.teardown(() => app.close());
  const { id } = await addFile('a.md');
  const { body } = await call('POST', '', { file_ids: [id] });
  t.match((await call('GET', `/${body.id}/files`)).body, { data: [{ id }] });
  t.equal((await call('POST', '', { file_ids: [id, 'file-none'] })).status, 404);
  t.equal((await call('GET', '')).body.data.length, 1);
});

t.test('an attached file tells how far it is, and when to ask again', async (t) => {
  const { app, call, addFile } = await start();
  t.teardown(() => app.close());
  const { id: storeId } = (await call('POST', '', {})).body;
  const { id } = await addFile('a.md');
  const attached = await call('POST', `/${storeId}/files`, { file_id: id, attributes: { year: 2026, old: false } });
  t.match(attached.body, {
    id,
    object: 'vector_store.file',
    vector_store_id: storeId,
    status: 'in_progress',
    last_error: null,
    attributes: { year: 2026, old: false },
  });
  const first = await call('GET', `/${storeId}/files/${id}`);
  t.equal(first.headers['openai-poll-after-ms'], '100');
  const second = await call('GET', `/${storeId}/files/${id}`);
  t.match(second.body, { status: 'completed', passages: 1 });
  t.notOk('openai-poll-after-ms' in second.headers);
  t.match((await call('DELETE', `/${storeId}/files/${id}`)).body, { object: 'vector_store.file.deleted' });
  t.equal((await call('GET', `/${storeId}/files/${id}`)).status, 404);
});

t.test('a search gives passages with their scores, each once, the best first', async (t) => {
  const { app, call, retrieval } = await start();
  t.teardown(() => app.close());
  const location = { type: 'row', sheet: 'Fees', first: 2, last: 9 } as const;
  retrieval.passages.set('bank', [{ ...passage('a', 'Text a', 0.9), location }, passage('b', 'Text b', 0.5)]);
  const { body } = await call('POST', '/vs_1/search', {
    query: ['fee', 'cost'],
    max_num_results: 5,
    ranking_options: { score_threshold: 0.2, diversity: 0.4 },
  });
  t.match(body, {
    object: 'vector_store.search_results.page',
    search_query: ['fee', 'cost'],
    data: [
      {
        file_id: 'file-a',
        filename: 'a.md',
        score: 0.9,
        content: [{ type: 'text', text: 'Text a' }],
        heading_path: ['Fees', 'a'],
        location,
      },
      { file_id: 'file-b', score: 0.5, location: null },
    ],
    has_more: false,
    next_page: null,
  });
  t.equal(body.data.length, 2);
  t.match(retrieval.searches, [
    {
      tenant: 'bank',
      storeIds: ['vs_1'],
      groups: [],
      query: 'fee',
      context: '',
      mode: 'hybrid',
      filter: null,
      topK: 5,
      minScore: 0.2,
      diversity: 0.4,
    },
    { query: 'cost' },
  ]);
});

t.test('a ranker says what is searched by', async (t) => {
  const { app, call, retrieval } = await start();
  t.teardown(() => app.close());
  for (const [ranker, mode] of [
    ['vector', 'vector'],
    ['lexical', 'lexical'],
    ['hybrid', 'hybrid'],
    ['auto', 'hybrid'],
    ['default-2024-11-15', 'hybrid'],
  ]) {
    const { status } = await call('POST', '/vs_1/search', { query: 'fee', ranking_options: { ranker } });
    t.equal(status, 200);
    t.equal(retrieval.searches.at(-1)?.mode, mode, ranker);
  }
  const { status, body } = await call('POST', '/vs_1/search', { query: 'fee', ranking_options: { ranker: 'best' } });
  t.equal(status, 400);
  t.match(body.error, { code: 'invalid_value', param: 'ranking_options.ranker' });
  const tooMuch = await call('POST', '/vs_1/search', { query: 'fee', ranking_options: { diversity: 2 } });
  t.match([tooMuch.status, tooMuch.body.error.param], [400, 'ranking_options.diversity']);
});

t.test('filters reach the search, and are looked at closely', async (t) => {
  const { app, call, retrieval } = await start();
  t.teardown(() => app.close());
  const search = (filters: unknown) => call('POST', '/vs_1/search', { query: 'fee', filters });
  const filter = {
    type: 'and',
    filters: [
      { type: 'in', key: 'team', value: ['cards', 'loans'] },
      {
        type: 'or',
        filters: [
          { type: 'gte', key: 'year', value: 2024 },
          { type: 'eq', key: 'isPublic', value: true },
        ],
      },
    ],
  };
  t.equal((await search(filter)).status, 200);
  t.same(retrieval.searches.at(-1)?.filter, filter);
  const leaf = { type: 'eq', key: 'a', value: 1 };
  const nested = (depth: number): object => (depth === 0 ? leaf : { type: 'and', filters: [nested(depth - 1)] });
  const cases: [unknown, string][] = [
    [{ type: 'like', key: 'a', value: 'b' }, 'filters.type'],
    [{ type: 'eq', value: 'b' }, 'filters.key'],
    [{ type: 'eq', key: 'a' }, 'filters.value'],
    [{ type: 'eq', key: 'a', value: ['b'] }, 'filters.value'],
    [{ type: 'in', key: 'a', value: 'b' }, 'filters.value'],
    [{ type: 'and' }, 'filters.filters'],
    [{ type: 'or', filters: [leaf, { type: 'eq', key: 'a', value: null }] }, 'filters.filters[1].value'],
    [{ type: 'or', filters: [leaf, 'x'] }, 'filters.filters[1]'],
    [{ type: 'or', filters: [{ ...leaf, caseSensitive: true }] }, 'filters.filters[0].caseSensitive'],
    [nested(5), 'filters.filters[0].filters[0].filters[0].filters'],
    [{ type: 'and', filters: Array(64).fill(leaf) }, 'filters'],
  ];
  for (const [filters, param] of cases) {
    const { status, body } = await search(filters);
    t.equal(status, 400, JSON.stringify(filters));
    t.match(body.error, { code: 'invalid_value', param }, JSON.stringify(filters));
  }
});

t.test('what cannot be done is refused by name', async (t) => {
  const { app, call } = await start();
  t.teardown(() => app.close());
  const cases: [string, object, object][] = [
    ['', { expires_after: {} }, { code: 'invalid_value', param: 'expires_after.anchor' }],
    [
      '',
      { chunking_strategy: { type: 'static', static: { max_chunk_size_tokens: 99, chunk_overlap_tokens: 0 } } },
      { code: 'invalid_value', param: 'chunking_strategy.static.max_chunk_size_tokens' },
    ],
    ['', { chunking_strategy: { type: 'static' } }, { code: 'invalid_value', param: 'chunking_strategy.static' }],
    [
      '/vs_1/files',
      {
        file_id: 'f',
        chunking_strategy: { type: 'static', static: { max_chunk_size_tokens: 200, chunk_overlap_tokens: 101 } },
      },
      { code: 'invalid_value', message: /chunk_overlap_tokens: must be at most half .*100/ },
    ],
    ['', { metadata: { a: 1 } }, { code: 'invalid_value', param: 'metadata.a' }],
    ['/vs_1/files', {}, { code: 'invalid_value', param: 'file_id' }],
    ['/vs_1/search', {}, { code: 'invalid_value', param: 'query' }],
    ['/vs_1/search', { query: '' }, { code: 'invalid_value', param: 'query' }],
    ['/vs_1/search', { query: 'x', max_num_results: 51 }, { code: 'invalid_value', param: 'max_num_results' }],
    ['/vs_1/search', { query: 'x', filters: {} }, { code: 'invalid_value', param: 'filters.type' }],
    ['/vs_1/search', { query: 'x', rewrite_query: true }, { code: 'unsupported_parameter', param: 'rewrite_query' }],
  ];
  for (const [path, payload, error] of cases) {
    const { status, body } = await call('POST', path, payload);
    t.equal(status, 400, JSON.stringify(payload));
    t.match(body.error, error, JSON.stringify(payload));
  }
  t.equal((await call('POST', '', { chunking_strategy: { type: 'auto' } })).status, 200);
});

t.test("another tenant's store does not exist", async (t) => {
  const { app, call, addFile } = await start();
  t.teardown(() => app.close());
  const { id: storeId } = (await call('POST', '', {})).body;
  const { id: fileId } = await addFile('a.md');
  await call('POST', `/${storeId}/files`, { file_id: fileId });
  for (const [method, path, body] of [
    ['GET', `/${storeId}`],
    ['POST', `/${storeId}`, { name: 'x' }],
    ['DELETE', `/${storeId}`],
    ['GET', `/${storeId}/files`],
    ['GET', `/${storeId}/files/${fileId}`],
    ['POST', `/${storeId}/files`, { file_id: fileId }],
    ['DELETE', `/${storeId}/files/${fileId}`],
  ] as const) {
    t.equal((await call(method, path, body, OTHER_KEY)).status, 404, `${method} ${path}`);
  }
  t.same((await call('GET', '', undefined, OTHER_KEY)).body.data, []);
});
