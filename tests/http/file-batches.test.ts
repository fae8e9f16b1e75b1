import t, { type Test } from 'tap';
import { bearer, createTestServer, OTHER_KEY } from './fakes.js';

async function setUp(t: Test) {
  const { app, retrieval } = await createTestServer();
  t.teardown(() => app.close());
  const call = async (method: 'GET' | 'POST', url: string, payload?: object, key?: string) => {
    const response = await app.inject({ method, url, headers: bearer(key), ...(payload && { payload }) });
    return { status: response.statusCode, body: response.json(), headers: response.headers };
  };
  const store = await retrieval.createStore('bank', { name: 'x', metadata: {} });
  const upload = async (filename: string) =>
    (await retrieval.createFile('bank', { filename, purpose: 'assistants', content: Buffer.from('x') })).id;
  const files = [await upload('a.md'), await upload('b.md')];
  return { call, files, url: `/v1/vector_stores/${store.id}`, storeId: store.id };
}

t.test('several files are attached at once, and say together how far they are', async (t) => {
  const { call, files, url, storeId } = await setUp(t);
  const { body: batch } = await call('POST', `${url}/file_batches`, { file_ids: files, attributes: { year: 2026 } });
  t.match(batch, {
    object: 'vector_store.file_batch',
    vector_store_id: storeId,
    status: 'in_progress',
    file_counts: { in_progress: 2, completed: 0, failed: 0, cancelled: 0, total: 2 },
  });
  const first = await call('GET', `${url}/file_batches/${batch.id}`);
  t.equal(first.headers['openai-poll-after-ms'], '100');
  const second = await call('GET', `${url}/file_batches/${batch.id}`);
  t.match(second.body, { id: batch.id, status: 'completed', file_counts: { completed: 2 } });
  t.equal(second.headers['openai-poll-after-ms'], undefined);
  const { body: list } = await call('GET', `${url}/file_batches/${batch.id}/files?order=asc`);
  t.same(
    list.data.map(({ id, attributes }: { id: string; attributes: object }) => [id, attributes]),
    files.map((id) => [id, { year: 2026 }]),
  );
});

t.test('each file may have attributes of its own', async (t) => {
  const { call, files, url } = await setUp(t);
  const some = [{ file_id: files[0], attributes: { year: 1 } }, { file_id: files[1] }];
  t.equal((await call('POST', `${url}/file_batches`, { files: some })).status, 200);
  t.same((await call('GET', `${url}/files/${files[0]}`)).body.attributes, { year: 1 });
  t.same((await call('GET', `${url}/files/${files[1]}`)).body.attributes, {});
});

t.test('what was not read yet is called off, and lists can be asked for one status', async (t) => {
  const { call, files, url } = await setUp(t);
  await call('POST', `${url}/files`, { file_id: files[0] });
  for (const _ of [1, 2]) await call('GET', `${url}/files/${files[0]}`);
  const { body: batch } = await call('POST', `${url}/file_batches`, { file_ids: [files[1]] });
  const cancelled = await call('POST', `${url}/file_batches/${batch.id}/cancel`);
  t.match(cancelled.body, { id: batch.id, status: 'cancelled', file_counts: { cancelled: 1, total: 1 } });
  for (const [filter, ids] of [
    ['cancelled', [files[1]]],
    ['completed', [files[0]]],
    ['in_progress', []],
    ['failed', []],
  ] as const) {
    const { body } = await call('GET', `${url}/files?filter=${filter}`);
    t.same(
      body.data.map(({ id, status }: { id: string; status: string }) => [id, status]),
      ids.map((id) => [id, filter]),
    );
  }
  t.equal((await call('GET', `${url}/file_batches/${batch.id}/files?filter=completed`)).body.data.length, 0);
  t.match((await call('GET', `${url}/files?filter=x`)).body.error, { code: 'invalid_value', param: 'filter' });
});

t.test('what makes no batch is refused by name', async (t) => {
  const { call, files, url } = await setUp(t);
  const cases: [object, number, object][] = [
    [{}, 400, { code: 'invalid_value', param: 'file_ids' }],
    [{ file_ids: [] }, 400, { code: 'invalid_value', param: 'file_ids' }],
    [{ file_ids: files, files: [{ file_id: files[0] }] }, 400, { code: 'invalid_value', param: 'file_ids' }],
    [{ files: [{ file_id: files[0] }], attributes: {} }, 400, { code: 'invalid_value', param: 'attributes' }],
    [{ file_ids: ['file-none'] }, 404, { code: 'not_found' }],
    [{ file_ids: files, chunking_strategy: { type: 'static' } }, 400, { code: 'invalid_value' }],
  ];
  for (const [payload, status, error] of cases) {
    const response = await call('POST', `${url}/file_batches`, payload);
    t.equal(response.status, status, JSON.stringify(payload));
    t.match(response.body.error, error, JSON.stringify(payload));
  }
  const batch = (await call('POST', `${url}/file_batches`, { file_ids: files })).body;
  for (const [method, path] of [
    ['GET', ''],
    ['POST', '/cancel'],
    ['GET', '/files'],
  ] as const) {
    t.equal((await call(method, `${url}/file_batches/vsfb_none${path}`)).status, 404);
    t.equal((await call(method, `${url}/file_batches/${batch.id}${path}`, undefined, OTHER_KEY)).status, 404);
  }
});
