/** What an operator sees of the servers of a pool, and how one is taken out of it. */
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { requestOf } from '../../fixtures/engine/engine.js';
import { startUpstream } from '../../fixtures/upstream/upstream.js';
import { startVllm } from '../../fixtures/upstream/vllm.js';
import { ADMIN_KEY, bearer, createTestServer, KEY } from '../../http/fakes.js';
import { run } from '../cli/cli-app.js';

const { signal } = new AbortController();

t.test('a server is drained over the admin API, ends what it has, and takes traffic again', async (t) => {
  const servers = [await startVllm(t), await startVllm(t)] as const;
  const { upstream } = await startUpstream(t, servers);
  const { app } = await createTestServer({ engine: upstream });
  t.teardown(() => app.close());
  const call = async (method: 'GET' | 'POST', path: string, body?: object, key = ADMIN_KEY) => {
    const headers = bearer(key);
    const response = await app.inject({ method, url: `/admin${path}`, headers, ...(body && { payload: body }) });
    return { status: response.statusCode, body: response.json() };
  };
  const [url] = servers.map((server) => server.url);
  t.match(await call('GET', '/replicas'), {
    status: 200,
    body: { data: servers.map((server) => ({ url: server.url, state: 'up', reason: null, slots: 4, inFlight: 0 })) },
  });
  const page = await call('GET', `/replicas?limit=1&after=${encodeURIComponent(url!)}`);
  t.match(page.body, { data: [{ url: servers[1].url }], next: null });
  t.match(await call('GET', '/replicas', undefined, KEY), { status: 403, body: { error: { code: 'scope_missing' } } });

  // One that is under way at the server that leaves.
  servers[0].behave({ tokens: Array.from({ length: 40 }, () => 'on '), pauseMs: 5 });
  const underWay: Promise<string>[] = [];
  while (servers[0].active() === 0) {
    underWay.push(textOf(upstream.generate(requestOf({ prompt: `Hi ${underWay.length}` }), signal)));
    await sleep(20);
  }
  t.match(await call('POST', '/replicas/drain', { url, draining: true }), { status: 200, body: { state: 'draining' } });
  // What was sent to it before arrives.
  while (upstream.status().replicas![0]!.inFlight !== servers[0].active()) await sleep(5);
  const before = servers[0].requests.length;
  for (let i = 0; i < 10; i++) await textOf(upstream.generate(requestOf({ prompt: `Hello ${i}` }), signal));
  t.equal(servers[0].requests.length, before, 'it gets nothing new');
  t.ok((await Promise.all(underWay)).includes('on '.repeat(40)), 'it ends what it has');

  t.match(await call('POST', '/replicas/drain', { url, draining: false }), { body: { state: 'up' } });
  const gateway = await app.listen({ host: '127.0.0.1', port: 0 });
  const cli = (...words: string[]) => run('--url', gateway, '--key', ADMIN_KEY, 'replicas', ...words);
  t.match((await cli('drain', url!)).out, /draining +0 of 4/);
  t.match((await cli('list')).out, /draining +0 of 4 .*\n.* up +0 of 4 /);
  t.match((await cli('resume', url!)).out, / up +0 of 4/);
  const nowhere = { url: 'http://10.0.0.9:8000', draining: true };
  t.match(await call('POST', '/replicas/drain', nowhere), {
    status: 404,
    body: { error: { code: 'not_found', message: /Replica http:\/\/10\.0\.0\.9:8000/ } },
  });
  t.match(await call('POST', '/replicas/drain', { url }), { status: 400, body: { error: { param: /draining/ } } });
});

t.test('where the engine answers there is no server to list or to drain', async (t) => {
  const { app } = await createTestServer();
  t.teardown(() => app.close());
  const headers = bearer(ADMIN_KEY);
  t.same((await app.inject({ url: '/admin/replicas', headers })).json(), { data: [], next: null });
  const payload = { url: 'http://127.0.0.1:8000', draining: true };
  t.equal((await app.inject({ method: 'POST', url: '/admin/replicas/drain', headers, payload })).statusCode, 404);
});

async function textOf(events: AsyncIterable<{ readonly type: string; readonly text?: string }>): Promise<string> {
  let text = '';
  for await (const event of events) if (event.type === 'delta') text += event.text;
  return text;
}
