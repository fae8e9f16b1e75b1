/** Against MCP servers that the official SDK makes. */
import type { ServerResponse } from 'node:http';
import t, { type Test } from 'tap';
import type { HttpTool } from '../../../src/contracts/http-tools.js';
import { createToolCaller } from '../../../src/tools/http-tools.js';
import { startMcpServer } from '../../fixtures/mcp-server.js';

const HOST = 'crm.example.com';
const clock = { monotonicMs: () => performance.now() };
const never = new AbortController().signal;
const settings = { allowedHosts: HOST, privateAddresses: true, maxResponseBytes: 2000, maxRounds: 4 };

/** @param before sees every request first, and may answer it */
async function setUp(t: Test, before?: Parameters<typeof startMcpServer>[1]) {
  const port = await startMcpServer(t, before);
  const url = `http://${HOST}:${port}/mcp`;
  const asked: string[] = [];
  const resolve = async (host: string) => {
    asked.push(host);
    return [{ address: '127.0.0.1', family: 4 }];
  };
  const caller = (over: Partial<typeof settings> = {}) =>
    createToolCaller({ settings: { ...settings, ...over }, clock, resolve });
  const tool = (mcpTool: string, over: Partial<HttpTool> = {}): HttpTool => ({
    tenant: 'shop',
    name: mcpTool.replace('.', '_'),
    description: '',
    parameters: { type: 'object', properties: {} },
    strict: false,
    url,
    method: 'POST',
    mcpTool,
    timeoutMs: 5000,
    hasSecret: true,
    createdAt: 0,
    updatedAt: 0,
    ...over,
  });
  return { url, caller, tool, asked };
}

t.test('the tools of a server are listed and called, with the secret', async (t) => {
  const secrets = new Set<string | undefined>();
  const { url, caller, tool, asked } = await setUp(t, ({ headers }) => {
    secrets.add(headers.authorization);
    return false;
  });
  const tools = await caller().list(url, 'hush', never);
  t.match(tools, [
    { name: 'find.customer', description: 'Finds one.', parameters: { properties: { id: { type: 'string' } } } },
    { name: 'long', description: 'Says much.' },
    { name: 'fails', description: 'fails' },
    { name: 'hangs' },
    { name: 'by-code' },
  ]);
  const { content, run } = await caller().call(tool('find.customer'), 'hush', '{"id": "7"}', never);
  t.equal(content, 'Customer 7\nsince 2019');
  t.match(run, { name: 'find_customer', outcome: 'ok', status: 200, bytes: content.length });
  t.same([...secrets], ['Bearer hush']);
  t.same([...new Set(asked)], [HOST]);
});

t.test('what goes wrong is told to the model, and never the secret', async (t) => {
  const { caller, tool } = await setUp(t);
  const call = async (mcpTool: string, over: Partial<HttpTool> = {}, args = '{}') => {
    const { content, run } = await caller().call(tool(mcpTool, over), 'hush', args, never);
    t.notMatch(content, /hush/);
    t.equal(run.outcome, 'failed');
    return content;
  };
  t.match(await call('fails'), /fails failed: it says so\. no such customer/);
  t.match(await call('long'), /more than 2000 bytes/);
  t.match(await call('nothing'), /nothing failed/);
  t.match(await call('find.customer', {}, '{"id": 5}'), /failed/);
  t.match(await call('hangs', { timeoutMs: 500 }), /within 500 ms/);
  t.match(await call('fails', { url: 'https://evil.example.com/mcp' }), /allowedHosts/);
});

t.test('redirects, refusals and what is no MCP server are told by name', async (t) => {
  const answers: Record<string, (response: ServerResponse) => void> = {
    redirect: (response) => response.writeHead(307, { location: 'http://127.0.0.1/' }).end(),
    'it answered 401': (response) => response.writeHead(401).end(),
    'could not be reached': (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
  };
  for (const [reason, answer] of Object.entries(answers)) {
    const { url, caller, tool } = await setUp(t, (_, response) => {
      answer(response);
      return true;
    });
    const { content, run } = await caller().call(tool('fails'), null, '{}', never);
    t.match([content, run.outcome], [new RegExp(reason), 'failed']);
    await t.rejects(caller().list(url, null, never), { code: 'invalid_value', message: new RegExp(reason) });
  }
});

t.test('a server in a private network, or of a host that is not named, is not asked', async (t) => {
  const { url, caller, tool } = await setUp(t, () => {
    t.fail('it was asked');
    return false;
  });
  const strict = caller({ privateAddresses: false });
  const secure = url.replace('http:', 'https:');
  t.match(await strict.call(tool('fails', { url: secure }), null, '{}', never), { content: /private address/ });
  await t.rejects(strict.list(secure, null, never), { code: 'invalid_value', message: /private address/ });
  await t.rejects(caller({ allowedHosts: '' }).list(url, null, never), { message: /allowedHosts/ });
});

t.test('a caller that leaves ends the call', async (t) => {
  const { caller, tool } = await setUp(t);
  const gone = new AbortController();
  const calling = caller().call(tool('hangs'), null, '{}', gone.signal);
  setTimeout(() => gone.abort(new Error('gone')), 100);
  await t.rejects(calling, { message: 'gone' });
});
