import t from 'tap';
import { ADMIN_KEY, bearer, createTestServer, KEY_WITHOUT_ROUTE, METRICS_KEY } from './fakes.js';

t.test('without a known key there is nothing but health', async (t) => {
  const { app } = await createTestServer();
  t.teardown(() => app.close());
  for (const headers of [
    {},
    { authorization: 'Bearer sk-unknown' },
    { authorization: 'Bearer' },
    { authorization: 'Basic c2stYmFuaw==' },
    { authorization: 'Bearer sk-bank sk-bank' },
  ]) {
    for (const url of ['/v1/models', '/v1/files', '/admin/tenants']) {
      const response = await app.inject({ url, headers });
      t.equal(response.statusCode, 401, `${url} ${JSON.stringify(headers)}`);
      t.equal(response.json().error.code, 'invalid_api_key');
      t.equal(response.headers['www-authenticate'], 'Bearer');
    }
  }
  t.equal((await app.inject('/livez')).statusCode, 200);
  t.equal((await app.inject('/readyz')).statusCode, 200);
});

t.test('the word Bearer may be written in any case', async (t) => {
  const { app } = await createTestServer();
  t.teardown(() => app.close());
  t.equal((await app.inject({ url: '/v1/models', headers: { authorization: 'bearer sk-bank' } })).statusCode, 200);
});

t.test('a key is held to its scopes', async (t) => {
  const { app } = await createTestServer();
  t.teardown(() => app.close());
  const cases: [string, string, number][] = [
    ['/v1/models', KEY_WITHOUT_ROUTE, 200],
    ['/v1/files', KEY_WITHOUT_ROUTE, 403],
    ['/v1/vector_stores', KEY_WITHOUT_ROUTE, 403],
    ['/admin/tenants', KEY_WITHOUT_ROUTE, 403],
    ['/v1/models', ADMIN_KEY, 403],
    ['/admin/tenants', ADMIN_KEY, 200],
  ];
  for (const [url, key, status] of cases) {
    const response = await app.inject({ url, headers: bearer(key) });
    t.equal(response.statusCode, status, `${url} with ${key}`);
    if (status === 403) t.equal(response.json().error.code, 'scope_missing');
  }
});

t.test('metrics are for keys with their scope and for admin keys, and in demo mode for this machine', async (t) => {
  const local: [object, boolean][] = [
    [{ remoteAddress: '127.0.0.1' }, true],
    [{ remoteAddress: '::1' }, true],
    [{ remoteAddress: '::ffff:127.0.0.1' }, true],
    [{ remoteAddress: '10.0.0.7' }, false],
    ...['x-forwarded-for', 'x-forwarded-proto', 'x-real-ip', 'forwarded', 'via'].map((name): [object, boolean] => [
      { remoteAddress: '127.0.0.1', headers: { [name]: '10.0.0.7' } },
      false,
    ]),
  ];
  const keyed: [object, number][] = [
    [{ remoteAddress: '10.0.0.7', headers: bearer() }, 403],
    [{ remoteAddress: '10.0.0.7', headers: bearer(ADMIN_KEY) }, 200],
    [{ remoteAddress: '10.0.0.7', headers: bearer(METRICS_KEY) }, 200],
  ];
  const modes: [object, boolean][] = [
    [{ demo: true }, true],
    // A proxy on this machine that adds no header cannot be told from a program on it.
    [{ demo: false }, false],
    [{ demo: false, metrics: { localWithoutKey: true } }, true],
  ];
  for (const [mode, isKeyless] of modes) {
    const { app } = await createTestServer(mode);
    t.teardown(() => app.close());
    for (const [from, isLocal] of local) {
      const { statusCode } = await app.inject({ url: '/metrics', ...from });
      t.equal(statusCode, isKeyless && isLocal ? 200 : 401, JSON.stringify([mode, from]));
    }
    for (const [from, status] of keyed) {
      t.equal((await app.inject({ url: '/metrics', ...from })).statusCode, status, JSON.stringify([mode, from]));
    }
  }
});
