import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import type { Trace } from '../../../src/contracts/tracing.js';
import { tracedIn } from '../../../src/tracing/current.js';
import { createServer } from '../../../src/upstream/server.js';

t.test('a server behind the gateway is told which trace it works for, and nothing where there is none', async (t) => {
  const seen: (string | string[] | undefined)[] = [];
  const http = createHttpServer(({ headers }, response) => {
    seen.push(headers.traceparent);
    response.end('{}');
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  t.teardown(() => http.close());
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  const server = createServer({ url, apiKey: '', connectTimeoutMs: 1000, stallTimeoutMs: 1000 });
  t.teardown(() => server.close());
  const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
  const trace: Trace = { traceparent, add: () => trace };
  const { signal } = new AbortController();
  await server.call('GET', '/health', null, signal);
  await tracedIn(trace, () => server.call('GET', '/health', null, signal));
  t.same(seen, [undefined, traceparent]);
});
