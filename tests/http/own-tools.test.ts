/** Functions of a deployment, which the gateway calls itself, against a server that really answers. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import type { HttpTool } from '../../src/contracts/http-tools.js';
import type { Deployment } from '../../src/contracts/registry.js';
import { startMcpServer } from '../fixtures/mcp-server.js';
import { bearer, createTestServer, readEvents } from './fakes.js';

const tool = (url: string, name = 'check_stock'): HttpTool => ({
  tenant: 'bank',
  name,
  description: 'How many there are.',
  parameters: { type: 'object', properties: { sku: { type: 'string' } }, required: ['sku'] },
  strict: false,
  url,
  method: 'POST',
  mcpTool: null,
  timeoutMs: 2000,
  hasSecret: true,
  createdAt: 0,
  updatedAt: 0,
});
const call = (name: string, args: string) => `<tool_call>\n{"name": "${name}", "arguments": ${args}}\n</tool_call>`;
const chat = (body: object = {}) => ({
  method: 'POST' as const,
  url: '/v1/chat/completions',
  headers: bearer(),
  payload: { model: 'plain', messages: [{ role: 'user', content: 'Is A in stock?' }], ...body },
});

/** The deployment `plain` has a function; `onCall` sees each call and says what it answers. */
async function setUp(t: Test, onCall: (body: string) => string) {
  const backend = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    response.end(onCall(`${request.headers.authorization} ${body}`));
  });
  backend.listen(0, '127.0.0.1');
  await once(backend, 'listening');
  const server = await createTestServer({ tools: { allowedHosts: '127.0.0.1', privateAddresses: true } });
  t.teardown(async () => {
    await server.app.close();
    backend.close();
  });
  const url = `http://127.0.0.1:${(backend.address() as AddressInfo).port}/`;
  const at = server.registry.deployments.findIndex(({ name }) => name === 'plain');
  server.registry.deployments[at] = { ...server.registry.deployments[at], tools: ['check_stock'] } as Deployment;
  Object.assign(server.registry, { toolsOf: async () => [tool(url)], toolSecret: async () => 'hush' });
  return server;
}

t.test('the gateway calls, and the model goes on with what it learned', async (t) => {
  const calls: string[] = [];
  const server = await setUp(t, (body) => {
    calls.push(body);
    server.engine.answer(['There are', ' 3.']);
    return '{"left": 3}';
  });
  const { app, engine, registry } = server;
  engine.answer(['I look. ', call('check_stock', '{"sku": "A"}')]);
  const { choices, usage, receipt } = (await app.inject(chat({ include_receipt: true }))).json();
  t.match(choices, [{ message: { content: 'I look.\n\nThere are 3.' }, finish_reason: 'stop' }]);
  t.notOk('tool_calls' in choices[0].message, 'what the gateway did is not for the caller to do');
  t.same(calls, ['Bearer hush {"sku":"A"}']);
  t.match(engine.requests[1]!.prompt, {
    messages: [
      { role: 'user' },
      { role: 'assistant', content: 'I look.', toolCalls: [{ name: 'check_stock', arguments: '{"sku":"A"}' }] },
      { role: 'tool', content: '{"left": 3}' },
    ],
    tools: [{ name: 'check_stock' }],
  });
  t.match(usage, { prompt_tokens: 14, completion_tokens: 4 });
  t.match(receipt.tools, [{ name: 'check_stock', outcome: 'ok', status: 200, bytes: 11, duration_ms: Number }]);
  t.match(registry.answers, [{ outcome: 'completed', tools: [{ name: 'check_stock' }] }]);
});

t.test('rounds are bounded, and the last one has no function to ask for', async (t) => {
  let calls = 0;
  const { app, engine } = await setUp(t, () => {
    calls += 1;
    return 'nothing yet';
  });
  // Another one each time.
  let asked = 0;
  const generate = engine.generate;
  engine.generate = (request, signal) => {
    engine.answer([call('check_stock', `{"sku": "${asked++}"}`)]);
    return generate(request, signal);
  };
  const events = readEvents((await app.inject(chat({ stream: true }))).body) as {
    choices: { delta: { role?: string } }[];
  }[];
  t.equal(calls, 4);
  t.equal(engine.requests.length, 5);
  t.notOk('tools' in engine.requests[4]!.prompt);
  t.equal(events.filter(({ choices }) => choices?.[0]?.delta.role).length, 1, 'it is one answer');
});

t.test('beside functions of the caller: it is asked for its own, and names must differ', async (t) => {
  const { app, engine } = await setUp(t, () => t.fail('it is the caller’s turn') as never);
  const parameters = { type: 'object', properties: {} };
  const own = [{ type: 'function', function: { name: 'open_page', parameters } }];
  engine.answer([`${call('check_stock', '{"sku": "A"}')}\n${call('open_page', '{}')}`]);
  const { choices } = (await app.inject(chat({ tools: own }))).json();
  t.match(choices, [{ finish_reason: 'tool_calls', message: { tool_calls: [{ function: { name: 'open_page' } }] } }]);
  t.equal(choices[0].message.tool_calls.length, 1);
  const clash = await app.inject(
    chat({ tools: [{ type: 'function', function: { name: 'check_stock', parameters } }] }),
  );
  t.match([clash.statusCode, clash.json().error], [400, { param: 'tools', code: 'invalid_value' }]);
  await app.inject(chat({ tool_choice: 'none' }));
  t.notOk('tools' in engine.requests.at(-1)!.prompt, 'and none of all is offered where none is wanted');
});

t.test('a call that the limit cuts is not made', async (t) => {
  const { app, engine } = await setUp(t, () => t.fail('half a call was made') as never);
  engine.answer(['<tool_call>\n{"name": "check_stock", "arguments": {"sku": ', '"A"}}', '\n</tool_call>']);
  const { choices } = (await app.inject(chat({ max_tokens: 1 }))).json();
  t.match(choices, [{ finish_reason: 'length', message: { content: '' } }]);
});

t.test('a call that was made is not made again, and then the model has to answer', async (t) => {
  const calls: string[] = [];
  const { app, engine } = await setUp(t, (body) => {
    calls.push(body);
    engine.answer([call('check_stock', '{"sku": "A", "left": 3}')]);
    return '{"left": 3}';
  });
  engine.answer([call('check_stock', '{"sku": "A"}')]);
  await app.inject(chat());
  t.same(calls, ['Bearer hush {"sku":"A"}']);
  t.equal(engine.requests.length, 3);
  t.notOk('tools' in engine.requests[2]!.prompt);
});

t.test('a tool of an MCP server is called like any other', async (t) => {
  const port = await startMcpServer(t);
  const { app, engine, registry } = await setUp(t, () => t.fail('the address itself was called') as never);
  const remote = { ...tool(`http://127.0.0.1:${port}/mcp`, 'find_customer'), mcpTool: 'find.customer' };
  const parameters = { type: 'object', properties: { id: { type: 'string' } } };
  Object.assign(registry, { toolsOf: async () => [{ ...remote, parameters }] });
  const generate = engine.generate;
  engine.generate = (request, signal) => {
    engine.answer(engine.requests.length === 0 ? [call('find_customer', '{"id": "7"}')] : ['It is', ' Ada.']);
    return generate(request, signal);
  };
  const { choices, receipt } = (await app.inject(chat({ include_receipt: true }))).json();
  t.match(choices, [{ message: { content: 'It is Ada.' } }]);
  const { prompt } = engine.requests[1]! as unknown as { prompt: { messages: object[] } };
  t.match(prompt.messages.at(-1), { role: 'tool', content: 'Customer 7\nsince 2019' });
  t.match(receipt.tools, [{ name: 'find_customer', outcome: 'ok' }]);
});
