import t from 'tap';
import { ADMIN_KEY, bearer, createTestServer, KEY } from './fakes.js';

t.test('while the data folder is gone nothing is acknowledged, and what only reads goes on', async (t) => {
  let reason: string | null = 'the data folder is not there';
  const lost = async () => reason;
  const state = { starting: () => null, storageTrouble: lost, storageLost: lost };
  const { app, retrieval } = await createTestServer({ state });
  t.teardown(() => app.close());
  const store = await retrieval.createStore('bank', { name: 'x', metadata: {} });
  const chat = { model: 'plain', messages: [{ role: 'user', content: 'Hi' }] };
  type Case = readonly ['GET' | 'POST' | 'DELETE', string, object?, string?];
  const inject = async ([method, url, payload, key = KEY]: Case) =>
    app.inject({ method, url, headers: bearer(key), ...(payload && { payload }) });
  const reading: Case[] = [
    ['GET', '/v1/files'],
    ['POST', '/v1/chat/completions', chat],
    ['POST', '/v1/completions', { model: 'plain', prompt: 'x' }],
    ['POST', '/v1/embeddings', { model: 'embedder', input: 'x' }],
    ['POST', `/v1/vector_stores/${store.id}/search`, { query: 'x' }],
  ];
  const writing: Case[] = [
    ['POST', '/v1/vector_stores', {}],
    ['POST', `/v1/vector_stores/${store.id}`, { name: 'y' }],
    ['POST', `/v1/vector_stores/${store.id}/file_batches`, { file_ids: ['file-1'] }],
    ['DELETE', `/v1/vector_stores/${store.id}`],
    ['POST', '/v1/feedback', { answer_id: 'x', rating: 'up' }],
    ['POST', '/admin/tenants', { id: 'new', name: 'New' }, ADMIN_KEY],
  ];
  for (const request of reading) t.equal((await inject(request)).statusCode, 200, request[1]);
  for (const request of writing) {
    const response = await inject(request);
    t.equal(response.statusCode, 503, request[1]);
    t.match(response.json().error, { code: 'storage_unavailable', message: /the data folder is not there/ });
    t.equal(response.headers['retry-after'], '5');
  }
  reason = null;
  t.equal((await inject(['POST', '/v1/vector_stores', {}])).statusCode, 200);
});

t.test('what a disk says of itself is told as that, and nothing else that a system says', async (t) => {
  const { app, registry } = await createTestServer();
  t.teardown(() => app.close());
  const payload = { model: 'assistant', messages: [{ role: 'user', content: 'Hi' }] };
  const told: [string, number][] = [
    ['SQLITE_FULL', 503],
    ['ENOSPC', 503],
    ['EROFS', 503],
    ['ECONNRESET', 500],
  ];
  for (const [code, status] of told) {
    registry.getDeployment = async () => {
      throw Object.assign(new Error('it fails'), { code });
    };
    const response = await app.inject({ method: 'POST', url: '/v1/chat/completions', headers: bearer(), payload });
    t.equal(response.statusCode, status, code);
  }
});
