import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import type { Retrieval } from '../../src/contracts/retrieval.js';
import { MODELS, vectorBy } from '../fixtures/retrieval/documents.js';
import { openService } from '../fixtures/retrieval/service.js';
import { adminApp, TENANT_KEY } from './admin-app.js';

const SHOP_KEY = 'sk-demo-shop';

/** The API over real stores that may have vectors of two models, `words` being the gateway's own. Nothing is embedded again before `start`. */
async function setUp(t: Test) {
  const { rows, service, reembed } = await openService(t, {
    models: MODELS,
    vectorOf: (text, digest) => vectorBy(digest, text),
  });
  const { app, registry } = await adminApp(t, { retrieval: service as Retrieval });
  await registry.createTenant({ id: 'shop', name: 'Shop' });
  await registry.createKey({ tenant: 'shop', label: 'shop', scopes: ['documents'], secret: SHOP_KEY });
  const request = async (method: 'GET' | 'POST', path: string, payload?: object, key = TENANT_KEY) => {
    const headers = { authorization: `Bearer ${key}` };
    const response = await app.inject({ method, url: `/v1${path}`, headers, ...(payload && { payload }) });
    return { status: response.statusCode, body: response.json() };
  };
  const get = async (path: string) => (await request('GET', path)).body;
  const post = (path: string, payload: object, key?: string) => request('POST', path, payload, key);
  const add = (storeId: string, embedder: string, text: string) =>
    rows.addFile('bank', storeId, [vectorBy(embedder, text)], () => text);
  return { post, get, add, start: () => reembed.start() };
}

t.test("a store says whose vectors it has: those that it names, or the gateway's own", async (t) => {
  const { post, get } = await setUp(t);
  const { body: own } = await post('/vector_stores', { name: 'a' });
  const { body: named } = await post('/vector_stores', { name: 'b', embedder: 'short' });
  t.match([own.embedder, own.reembedding, named.embedder, named.reembedding], ['words', null, 'short', null]);
  t.match((await post('/vector_stores', { embedder: 'auto' })).body, { embedder: 'words' });
  t.match((await post(`/vector_stores/${named.id}`, { embedder: null, name: 'c' })).body, {
    ...named,
    name: 'c',
    last_active_at: Number,
  });
  t.match((await post(`/vector_stores/${named.id}`, { name: 'b' })).body, { embedder: 'short', reembedding: null });
  t.same(await get(`/vector_stores/${named.id}`), named);
  t.match((await get('/vector_stores?order=asc')).data, [own, named, { embedder: 'words' }]);
});

t.test('vectors of before answer while others are made, and the store says how far that is', async (t) => {
  const { post, get, add, start } = await setUp(t);
  const { id } = (await post('/vector_stores', {})).body;
  for (const text of ['the fee is five euros', 'we open at nine']) await add(id, 'words', text);
  const url = `/vector_stores/${id}`;
  const best = async () => (await post(`${url}/search`, { query: 'the fee' })).body.data[0].content[0].text;

  const { status, body } = await post(url, { embedder: 'short' });
  const reembedding = { embedder: 'short', job_id: /^job_/, status: 'queued', progress: 0 };
  t.match([status, body], [200, { id, embedder: 'words', status: 'completed', reembedding }]);
  t.same(await get(url), body);
  t.same((await get('/vector_stores')).data, [body]);
  const job = `/jobs/${body.reembedding.job_id}`;
  t.match(await get(job), { kind: 'reembed', subject: id, status: 'queued' });
  t.match((await get('/jobs?kind=reembed')).data, [{ id: body.reembedding.job_id }]);
  t.equal(await best(), 'the fee is five euros');

  start();
  while ((await get(job)).status !== 'completed') await sleep(5);
  t.match(await get(url), { embedder: 'short', reembedding: null });
  t.equal(await best(), 'the fee is five euros');

  t.match((await post(url, { embedder: 'auto' })).body, { embedder: 'short', reembedding: { embedder: 'words' } });
  while ((await get(url)).reembedding !== null) await sleep(5);
  t.match(await get(url), { embedder: 'words' }, "the gateway's own");
});

t.test('a job that is called off leaves the store as it was', async (t) => {
  const { post, get, add } = await setUp(t);
  const { id } = (await post('/vector_stores', {})).body;
  await add(id, 'words', 'the fee is five euros');
  const { reembedding } = (await post(`/vector_stores/${id}`, { embedder: 'short' })).body;
  const cancel = `/jobs/${reembedding.job_id}/cancel`;
  t.equal((await post(cancel, {}, SHOP_KEY)).status, 404, "another tenant's job");
  t.match((await post(cancel, {})).body, { kind: 'reembed', status: 'cancelled' });
  t.match(await get(`/vector_stores/${id}`), { embedder: 'words', reembedding: null });
});

t.test('an embedder that is not offered is refused, with those that are, and nothing changes', async (t) => {
  const { post, get } = await setUp(t);
  const { id } = (await post('/vector_stores', { name: 'a' })).body;
  const invalid = (message: RegExp) => ({
    status: 400,
    body: { error: { code: 'invalid_value', param: 'embedder', message } },
  });
  for (const path of ['/vector_stores', `/vector_stores/${id}`]) {
    const other = await post(path, { name: 'b', embedder: 'other' });
    t.match(other, invalid(/other is no embedding model .*there are words, short\. .*switchyard models pull other/));
    t.match(await post(path, { embedder: '' }), invalid(/embedder/));
    t.match(await post(path, { embedder: 'x'.repeat(129) }), invalid(/128/));
    t.match(await post(path, { embedder: ['short'] }), invalid(/embedder/));
  }
  t.match((await get('/vector_stores')).data, [{ id, name: 'a', embedder: 'words', reembedding: null }]);
  t.equal((await get('/vector_stores')).data.length, 1);
  t.equal((await post(`/vector_stores/${id}`, { embedder: 'short' }, SHOP_KEY)).status, 404, "another tenant's store");
  t.equal((await get(`/vector_stores/${id}`)).reembedding, null);
});
