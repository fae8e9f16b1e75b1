import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { WebSocket } from 'ws';
import { bearer, createTestServer, GROUPS_KEY, KEY, METRICS_KEY, OTHER_KEY, type TestServerOptions } from './fakes.js';

interface Event {
  readonly type: string;
  readonly response: { readonly id: string; readonly status: string; readonly output: readonly object[] };
  readonly error: { readonly code: string; readonly param: string | null };
  readonly status: number;
}

const ENDS = new Set(['response.completed', 'response.failed', 'response.incomplete', 'error']);
const CREATE = { type: 'response.create', model: 'plain', input: 'What is the fee?' };

async function open(t: Test, options: TestServerOptions['server'] = {}) {
  const server = await createTestServer({ keptIn: t.testdir(), server: options });
  t.teardown(() => server.app.close());
  const url = (await server.app.listen({ port: 0 })).replace('http', 'ws');
  const connect = async (key = KEY, headers = {}) => {
    const socket = new WebSocket(`${url}/v1/responses`, { headers: { ...bearer(key), ...headers } });
    const events: Event[] = [];
    let told = () => {};
    socket.on('message', (data) => {
      events.push(JSON.parse(String(data)));
      told();
    });
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    /** The events of one turn. */
    const turn = async (message: object | string = CREATE) => {
      socket.send(typeof message === 'string' ? message : JSON.stringify(message));
      return rest();
    };
    const rest = async () => {
      for (;;) {
        const end = events.findIndex(({ type }) => ENDS.has(type));
        if (end !== -1) return events.splice(0, end + 1);
        await new Promise<void>((resolve) => {
          told = resolve;
        });
      }
    };
    return { socket, events, turn, rest, closed: new Promise<number>((resolve) => socket.once('close', resolve)) };
  };
  return { ...server, url, connect };
}

const messagesOf = ({ prompt }: { prompt: object }) => (prompt as { messages: object[] }).messages;

t.test('each message is answered with the events of its response, one after another', async (t) => {
  const { connect, registry, metrics } = await open(t);
  const { turn, rest, socket } = await connect();
  const events = await turn();
  t.match(
    events.map(({ type }) => type),
    [
      ...['response.created', 'response.in_progress', 'response.output_item.added', 'response.content_part.added'],
      ...['response.output_text.delta', 'response.output_text.delta', 'response.output_text.done'],
      ...['response.content_part.done', 'response.output_item.done', 'response.completed'],
    ],
  );
  socket.send(JSON.stringify(CREATE));
  socket.send(JSON.stringify({ ...CREATE, input: 'And then?' }));
  const [second, third] = [await rest(), await rest()];
  t.match([second.at(-1), third.at(-1)], [{ type: 'response.completed' }, { type: 'response.completed' }]);
  t.equal(new Set([events, second, third].map((all) => all.at(-1)!.response.id)).size, 3);
  t.equal(registry.answers.length, 3);
  t.match(await metrics.render(), 'switchyard_websockets_open 1');
});

t.test(
  'a connection goes on from its last response though nothing is kept, and forgets it when that fails',
  async (t) => {
    const { connect, engine } = await open(t);
    const { turn } = await connect();
    const create = { ...CREATE, store: false };
    const { id } = (await turn(create)).at(-1)!.response;
    const next = { ...create, previous_response_id: id, input: 'And then?' };
    const { id: nextId } = (await turn(next)).at(-1)!.response;
    t.same(messagesOf(engine.requests[1]!), [
      { role: 'user', content: 'What is the fee?' },
      { role: 'assistant', content: 'Hello world' },
      { role: 'user', content: 'And then?' },
    ]);
    const gone = {
      type: 'error',
      status: 404,
      error: { code: 'previous_response_not_found', param: 'previous_response_id' },
    };
    t.match(await turn(next), [gone], 'only the last one is remembered');
    const output = { type: 'function_call_output', call_id: 'call_1', output: 'x' };
    const wrong = await turn({ ...create, previous_response_id: nextId, input: [output] });
    t.match(wrong, [{ type: 'error', status: 400, error: { code: 'invalid_value' } }]);
    t.match(await turn({ ...create, previous_response_id: nextId }), [gone]);
  },
);

t.test('neither another connection nor another tenant goes on from what a connection remembers', async (t) => {
  const { connect } = await open(t);
  const { turn } = await connect();
  const { id } = (await turn({ ...CREATE, store: false })).at(-1)!.response;
  const gone = [{ type: 'error', error: { code: 'previous_response_not_found' } }];
  for (const key of [KEY, OTHER_KEY]) {
    const other = await connect(key);
    const model = key === KEY ? 'plain' : 'base-model';
    t.match(await other.turn({ ...CREATE, model, store: false, previous_response_id: id }), gone);
  }
});

t.test('what is kept is gone on from over HTTP, and by other connections', async (t) => {
  const { connect, app } = await open(t);
  const { turn } = await connect();
  const { id } = (await turn()).at(-1)!.response;
  const kept = await app.inject({ url: `/v1/responses/${id}`, headers: bearer() });
  t.equal(kept.json().status, 'completed');
  const other = await connect();
  t.match((await other.turn({ ...CREATE, previous_response_id: id })).at(-1), { type: 'response.completed' });
});

t.test('a turn that cannot be is an error with its status, and the connection stays', async (t) => {
  const { connect, engine } = await open(t, { maxBodyParts: 100 });
  const { turn } = await connect();
  const cases: [object | string, object][] = [
    ['{', { status: 400, error: { code: 'invalid_json' } }],
    ['[]', { status: 400, error: { param: 'body' } }],
    [JSON.stringify({ ...CREATE, metadata: Array(200).fill({}) }), { status: 400, error: { param: 'body' } }],
    [
      { ...CREATE, type: 'response.cancel' },
      { status: 400, error: { param: 'type' } },
    ],
    [
      { ...CREATE, stream: true },
      { status: 400, error: { code: 'unsupported_parameter', param: 'stream' } },
    ],
    [
      { ...CREATE, background: true },
      { status: 400, error: { param: 'background' } },
    ],
    [
      { ...CREATE, temperature: 3 },
      { status: 400, error: { param: 'temperature' } },
    ],
    [
      { ...CREATE, model: 'nothing' },
      { status: 404, error: { code: 'model_not_found' } },
    ],
  ];
  for (const [message, error] of cases) t.match(await turn(message), [{ type: 'error', ...error }]);
  engine.ready = false;
  t.match(await turn(), [{ status: 503, error: { code: 'engine_unavailable' } }]);
  engine.ready = true;
  t.match((await turn()).at(-1), { type: 'response.completed' });
});

t.test('who may not, does not get a WebSocket', async (t) => {
  const { connect, url, app } = await open(t, { maxWebSockets: 2 });
  await t.rejects(connect('sk-unknown'), /401/);
  await t.rejects(connect(METRICS_KEY), /403/);
  const first = await connect();
  await t.rejects(connect(), /429/, 'half of them are for others');
  await connect(OTHER_KEY);
  first.socket.close();
  await first.closed;
  const again = await connect();
  t.match((await again.turn()).at(-1), { type: 'response.completed' });
  const plain = await fetch(`${url.replace('ws', 'http')}/v1/responses`, { headers: bearer() });
  t.equal(plain.status, 426);
  t.match(await plain.json(), { error: { code: 'upgrade_required' } });
  t.equal((await app.inject({ url: '/v1/responses', headers: bearer() })).statusCode, 426);
});

t.test('a key that is revoked, or whose groups change, counts from the next turn on', async (t) => {
  const { connect, registry } = await open(t);
  const { turn } = await connect(GROUPS_KEY, { 'x-groups': 'hr' });
  const { id } = (await turn({ ...CREATE, store: false })).at(-1)!.response;
  const { authenticate } = registry;
  const change = (groups: readonly string[] | null) =>
    Object.assign(registry, {
      authenticate: async (key: string) => {
        const principal = await authenticate(key);
        return principal && { ...principal, groups };
      },
    });
  const own = await connect();
  const { id: ownId } = (await own.turn({ ...CREATE, store: false })).at(-1)!.response;
  change(['hr']);
  const gone = [{ type: 'error', error: { code: 'previous_response_not_found' } }];
  t.match(await own.turn({ ...CREATE, store: false, previous_response_id: ownId }), gone);
  t.match((await turn({ ...CREATE, store: false, previous_response_id: id })).at(-1), { type: 'response.completed' });
  Object.assign(registry, { authenticate: async () => null });
  t.match(await turn(), [{ type: 'error', status: 401, error: { code: 'invalid_api_key' } }]);
});

t.test('a client that goes away ends its turn', async (t) => {
  const { connect, engine, registry } = await open(t);
  engine.answer(['Hello', { wait: new Promise(() => {}) }]);
  const { socket } = await connect();
  socket.send(JSON.stringify(CREATE));
  while (engine.active() === 0) await sleep(2);
  socket.terminate();
  while (registry.answers.length === 0) await sleep(2);
  t.match(registry.answers, [{ outcome: 'aborted' }]);
  t.equal(engine.active(), 0);
});

t.test('a WebSocket ends with its time, behind the turn under way', async (t) => {
  const { connect, engine } = await open(t, { webSocketLifetimeMs: 1000 });
  engine.answer(['Hello', { wait: sleep(1200) }, ' world']);
  const { turn, rest, closed } = await connect();
  t.match((await turn()).at(-1), { type: 'response.completed' });
  t.match(await rest(), [{ type: 'error', error: { code: 'websocket_connection_limit_reached' } }]);
  t.equal(await closed, 1000);
});

t.test('a server that stops finishes turns, takes no new ones, and closes', async (t) => {
  const { connect, engine, app } = await open(t);
  let resume = () => {};
  engine.answer(['one', { wait: new Promise<void>((resolve) => (resume = resolve)) }, ' two']);
  const [busy, idle] = [await connect(), await connect()];
  busy.socket.send(JSON.stringify(CREATE));
  while (engine.active() === 0) await sleep(2);
  const stopped = app.close();
  t.match(await idle.turn(), [{ type: 'error', status: 503, error: { code: 'draining' } }]);
  resume();
  t.match((await busy.rest()).at(-1), { type: 'response.completed' });
  t.same(await Promise.all([busy.closed, idle.closed]), [1001, 1001]);
  await stopped;
});

t.test('bytes, and a message that is too large, close the connection', async (t) => {
  const { connect } = await open(t, { maxBodyBytes: 2048 });
  const [bytes, large] = [await connect(), await connect()];
  bytes.socket.send(Buffer.from(JSON.stringify(CREATE)));
  t.equal(await bytes.closed, 1003);
  large.socket.send(JSON.stringify({ ...CREATE, input: 'x'.repeat(4096) }));
  t.equal(await large.closed, 1009);
});

t.test('a request that offers HTTP/2 on its connection, as those of Java do, is answered as any other', async (t) => {
  const { url } = await open(t);
  const body = JSON.stringify({ model: 'plain', input: 'What is the fee?' });
  const socket = net.connect({ port: Number(new URL(url).port), host: '127.0.0.1' });
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk;
  });
  const head = (connection: string) => [
    'POST /v1/responses HTTP/1.1',
    'host: localhost',
    `authorization: ${bearer().authorization}`,
    'content-type: application/json',
    `content-length: ${body.length}`,
    `connection: ${connection}`,
  ];
  const offer = ['upgrade: h2c', 'http2-settings: AAEAAEAAAAIAAAAAAAMAAAAAAAQBAAAAAAUAAEAAAAYABgAA'];
  socket.write(`${[...head('Upgrade, HTTP2-Settings'), ...offer].join('\r\n')}\r\n\r\n${body.slice(0, 5)}`);
  await sleep(20);
  socket.write(body.slice(5));
  while (!answer.includes('Hello world')) await sleep(2);
  t.match(answer, /^HTTP\/1.1 200 OK/);
  answer = '';
  socket.write(`${head('close').join('\r\n')}\r\n\r\n${body}`);
  await new Promise((resolve) => socket.once('close', resolve));
  t.match(answer, /^HTTP\/1.1 200 OK[\s\S]*Hello world/, 'the connection serves on');
});
