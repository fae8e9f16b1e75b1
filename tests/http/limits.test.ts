import t from 'tap';
import { bearer, createTestServer, OTHER_KEY } from './fakes.js';

t.test('a key that sends too much is told when to come back; other keys go on', async (t) => {
  const { app } = await createTestServer({ server: { requestsPerMinute: 3 } });
  t.teardown(() => app.close());
  const get = (key?: string) => app.inject({ url: '/v1/models', headers: bearer(key) });
  for (let n = 0; n < 3; n++) t.equal((await get()).statusCode, 200);
  const refused = await get();
  t.equal(refused.statusCode, 429);
  t.equal(refused.json().error.code, 'rate_limited');
  const retryAfterS = Number(refused.headers['retry-after']);
  t.ok(retryAfterS >= 1 && retryAfterS <= 61);
  t.equal((await get(OTHER_KEY)).statusCode, 200);
});

t.test('requests without a known key do not use up the budget of any', async (t) => {
  const { app } = await createTestServer({ server: { requestsPerMinute: 3 } });
  t.teardown(() => app.close());
  for (let n = 0; n < 5; n++) t.equal((await app.inject('/v1/models')).statusCode, 401);
  t.equal((await app.inject({ url: '/v1/models', headers: bearer() })).statusCode, 200);
});

t.test('a request id is taken over where it is short and harmless, and made otherwise', async (t) => {
  const { app } = await createTestServer();
  t.teardown(() => app.close());
  const idFor = async (given?: string) =>
    (await app.inject({ url: '/livez', headers: given === undefined ? {} : { 'x-request-id': given } })).headers[
      'x-request-id'
    ];
  t.equal(await idFor('trace-1.a:b_c'), 'trace-1.a:b_c');
  for (const bad of [undefined, '', 'a b', 'x'.repeat(65), '<script>']) t.match(await idFor(bad), /^[0-9a-f-]{36}$/);
});

t.test('only pages of this machine may call from a browser', async (t) => {
  const { app } = await createTestServer();
  t.teardown(() => app.close());
  const allowed = async (origin: string) =>
    (await app.inject({ url: '/livez', headers: { origin } })).headers['access-control-allow-origin'];
  t.equal(await allowed('http://localhost:5173'), 'http://localhost:5173');
  const preflight = await app.inject({
    method: 'OPTIONS',
    url: '/v1/chat/completions',
    headers: { origin: 'http://localhost:5173', 'access-control-request-method': 'POST' },
  });
  t.equal(preflight.statusCode, 204, 'a preflight has no key');
  for (const origin of ['https://example.com', 'http://localhost.example.com', 'http://127.0.0.1.example.com']) {
    t.equal(await allowed(origin), undefined, origin);
  }
});
