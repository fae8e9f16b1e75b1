import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import type { HttpTool } from '../../../src/contracts/http-tools.js';
import { createToolCaller } from '../../../src/tools/http-tools.js';

const HOST = 'stock.example.com';
const clock = { monotonicMs: () => performance.now() };
const never = new AbortController().signal;
const settings = {
  allowedHosts: `${HOST},*.apis.example.com`,
  privateAddresses: true,
  maxResponseBytes: 100,
  maxRounds: 4,
};

/** A server that the name resolves to. */
async function setUp(t: Test, answer: (request: IncomingMessage, response: ServerResponse, body: string) => void) {
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    answer(request, response, body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const asked: string[] = [];
  const resolve = async (host: string) => {
    asked.push(host);
    return [{ address: '127.0.0.1', family: 4 }];
  };
  const tool: HttpTool = {
    tenant: 'shop',
    name: 'check_stock',
    description: 'How many there are.',
    parameters: { type: 'object', properties: { sku: { type: 'string' } }, required: ['sku'] },
    strict: false,
    url: `http://${HOST}:${(server.address() as AddressInfo).port}/check`,
    method: 'POST',
    mcpTool: null,
    timeoutMs: 2000,
    hasSecret: true,
    createdAt: 0,
    updatedAt: 0,
  };
  const caller = (over: Partial<typeof settings> = {}) =>
    createToolCaller({ settings: { ...settings, ...over }, clock, resolve });
  return { tool, caller, asked };
}

t.test('arguments go out as JSON or as a query, with the secret, and what comes back is the result', async (t) => {
  const seen: (string | undefined)[] = [];
  const { tool, caller, asked } = await setUp(t, ({ method, url, headers }, response, body) => {
    seen.push(method, url, headers.host?.split(':')[0], headers.authorization, body);
    response.end('{"left": 3}');
  });
  const { content, run } = await caller().call(tool, 'hush', '{"sku": "A&1"}', never);
  t.equal(content, '{"left": 3}');
  t.match(run, { name: 'check_stock', outcome: 'ok', status: 200, bytes: 11, durationMs: Number });
  t.same(seen.splice(0), ['POST', '/check', HOST, 'Bearer hush', '{"sku":"A&1"}']);
  await caller().call({ ...tool, method: 'GET' }, null, '{"sku": "A&1"}', never);
  t.same(seen, ['GET', '/check?sku=A%261', HOST, undefined, '']);
  t.same(asked, [HOST, HOST], 'the name was looked up once a call: what was checked is what was connected to');
});

t.test('what goes wrong is told to the model, and never the secret', async (t) => {
  let answer: (response: ServerResponse) => void = () => {};
  const { tool, caller } = await setUp(t, (_, response) => answer(response));
  const call = async (
    given: (response: ServerResponse) => void,
    over: Partial<HttpTool> = {},
    args = '{"sku": "a"}',
  ) => {
    answer = given;
    const { content, run } = await caller().call({ ...tool, ...over }, 'hush', args, never);
    t.notMatch(content, /hush/);
    t.equal(run.outcome, 'failed');
    return [run.status, content];
  };
  t.match(await call((response) => response.writeHead(302, { location: 'http://127.0.0.1/' }).end()), [
    302,
    /redirect/,
  ]);
  t.match(await call((response) => response.end('x'.repeat(101))), [200, /more than 100 bytes/]);
  t.match(await call((response) => response.writeHead(500).end('oops')), [500, /answered 500\. oops/]);
  t.match(await call(() => {}, { timeoutMs: 50 }), [null, /within 50 ms/]);
  t.match(await call((response) => response.destroy()), [null, /could not be reached/]);
  t.match(await call(() => t.fail('nothing is sent'), {}, '[1]'), [null, /no JSON object/]);
  t.match(await call(() => t.fail('nothing is sent'), {}, '{"sku": 5}'), [null, /do not fit its schema/]);
  t.match(await call(() => t.fail('nothing is sent'), { url: 'https://evil.example.com/' }), [null, /allowedHosts/]);
});

t.test('a name that leads into a private network is not called', async (t) => {
  const { tool, caller } = await setUp(t, () => t.fail('it was called'));
  const { content, run } = await caller({ privateAddresses: false }).call(tool, null, '{"sku": "a"}', never);
  t.equal(run.outcome, 'failed');
  t.match(content, /private address/);
});

t.test('a caller that leaves ends the call', async (t) => {
  const { tool, caller } = await setUp(t, () => {});
  const gone = new AbortController();
  const calling = caller().call(tool, null, '{"sku": "a"}', gone.signal);
  gone.abort(new Error('gone'));
  await t.rejects(calling, { message: 'gone' });
});

t.test('addresses are checked before they are kept', async (t) => {
  const strict = createToolCaller({ settings: { ...settings, privateAddresses: false }, clock });
  for (const url of [`https://${HOST}/x`, 'https://a.apis.example.com/'])
    t.doesNotThrow(() => strict.checkUrl(url), url);
  for (const url of [
    ...[
      'no address',
      'ftp://stock.example.com/',
      `http://${HOST}/`,
      'https://apis.example.com/',
      `https://${HOST}.evil.com/`,
    ],
    ...['https://127.0.0.1/', `https://user:pass@${HOST}/`],
  ]) {
    t.throws(() => strict.checkUrl(url), { code: 'invalid_value', params: { param: 'url' } }, url);
  }
});
