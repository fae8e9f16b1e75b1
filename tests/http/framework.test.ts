/** What happens around the routes: methods, URLs, bodies that are not wanted, HTTP that is none. */
import net from 'node:net';
import t from 'tap';
import { bearer, createTestServer } from './fakes.js';

const json = { 'content-type': 'application/json' };

t.test('a method that a path does not have is 405, and Allow names those it has', async (t) => {
  const { app } = await createTestServer();
  t.teardown(() => app.close());
  for (const [method, url, allow] of [
    ['GET', '/v1/chat/completions', 'POST'],
    ['PUT', '/v1/files/file-1', 'DELETE, GET, HEAD'],
    ['QUERY', '/v1/models', 'GET, HEAD'],
    ['PATCH', '/admin/tenants?x=1', 'GET, HEAD, POST'],
    ['DELETE', '/livez', 'GET, HEAD'],
  ] as const) {
    // The types do not know QUERY yet.
    const response = await app.inject({ method: method as 'GET', url, headers: bearer() });
    t.equal(response.statusCode, 405, `${method} ${url}`);
    t.equal(response.headers.allow, allow);
    t.equal(response.json().error.code, 'method_not_allowed');
  }
  t.equal((await app.inject({ method: 'PUT', url: '/v1/nothing', payload: { a: 1 } })).statusCode, 404);
});

t.test('HEAD answers like GET, without a body', async (t) => {
  const { app } = await createTestServer();
  t.teardown(() => app.close());
  for (const [url, status] of [
    ['/livez', 200],
    ['/v1/models', 200],
    ['/v1/models/nothing', 404],
  ] as const) {
    const response = await app.inject({ method: 'HEAD', url, headers: bearer() });
    t.equal(response.statusCode, status);
    t.equal(response.body, '');
  }
  t.equal((await app.inject({ method: 'HEAD', url: '/v1/models' })).statusCode, 401);
});

t.test('a route without a body takes any word about the body that is not sent, and refuses one that is', async (t) => {
  const { app, retrieval } = await createTestServer();
  t.teardown(() => app.close());
  const remove = async (headers: object, payload?: string) => {
    const file = { filename: 'a.md', purpose: 'assistants', content: Buffer.from('x') };
    const { id } = await retrieval.createFile('bank', file);
    return app.inject({
      method: 'DELETE',
      url: `/v1/files/${id}`,
      headers: { ...bearer(), ...headers },
      ...(payload !== undefined && { payload }),
    });
  };
  for (const headers of [json, { 'content-type': 'text/plain' }, { ...json, 'content-length': '0' }]) {
    t.equal((await remove(headers)).statusCode, 200, JSON.stringify(headers));
  }
  t.equal((await remove(json, '{}')).statusCode, 200);
  t.match((await remove(json, '{"force": true}')).json().error, { code: 'invalid_value', param: 'body' });
});

t.test('numbers in a query are written as numbers', async (t) => {
  const { app } = await createTestServer();
  t.teardown(() => app.close());
  for (const limit of ['true', '1.5', '0x1', '1e1', '', ' 1', '0', '101']) {
    const url = `/v1/vector_stores?limit=${encodeURIComponent(limit)}`;
    const response = await app.inject({ method: 'GET', url, headers: bearer() });
    t.match(response.json().error, { code: 'invalid_value', param: 'limit' }, limit);
  }
  t.equal((await app.inject({ url: '/v1/vector_stores?limit=7', headers: bearer() })).statusCode, 200);
});

t.test('a parameter of the query that is not known is named, also where there is none', async (t) => {
  const { app } = await createTestServer();
  t.teardown(() => app.close());
  for (const url of ['/v1/models?colour=red', '/v1/files?colour=red', '/admin/tenants?colour=red']) {
    const headers = bearer(url.startsWith('/admin') ? 'sk-admin' : undefined);
    const response = await app.inject({ url, headers });
    t.match(response.json().error, { code: 'unsupported_parameter', param: 'colour' }, url);
  }
});

t.test('a URL that cannot be decoded and an id that is too long get envelope, log line and metric', async (t) => {
  const lines: string[] = [];
  const { app, metrics } = await createTestServer({ onLogLine: (line) => lines.push(line) });
  t.teardown(() => app.close());
  for (const [url, reason] of [
    ['/v1/files/%ff', /decoded/],
    [`/v1/files/${'x'.repeat(300)}`, /256 characters/],
  ] as const) {
    lines.length = 0;
    const response = await app.inject({ url, headers: bearer() });
    t.equal(response.statusCode, 400);
    t.match(response.json().error, { code: 'invalid_value', param: 'url', message: reason });
    t.ok(response.headers['x-request-id']);
    t.match(lines.join(''), /"status":400.*request completed/);
  }
  t.match(await metrics.render(), /http_requests_total{method="GET",route="unknown",status="400"} 2/);
});

t.test('what is no HTTP gets envelope, log line and metric too', async (t) => {
  const lines: string[] = [];
  const { app, metrics } = await createTestServer({ onLogLine: (line) => lines.push(line) });
  t.teardown(() => app.close());
  await app.listen({ port: 0 });
  const { port } = app.server.address() as net.AddressInfo;
  for (const [bytes, status, code] of [
    ['HELLO\r\n\r\n', 400, 'invalid_http'],
    [`GET / HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`, 431, 'headers_too_large'],
  ] as const) {
    const answer = await exchange(port, bytes);
    t.match(answer, new RegExp(`^HTTP/1.1 ${status} `));
    t.equal(JSON.parse(answer.split('\r\n\r\n')[1]!).error.code, code);
    t.match(lines.join(''), code);
    t.match(await metrics.render(), `http_requests_total{method="unknown",route="unknown",status="${status}"} 1`);
  }
});

function exchange(port: number, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = net.connect(port, '127.0.0.1', () => socket.write(bytes));
    socket.on('data', (chunk) => {
      answer += chunk;
    });
    socket.on('close', () => resolve(answer));
    socket.on('error', () => {});
  });
}
