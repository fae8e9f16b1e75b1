import http from 'node:http';
import t from 'tap';
import { AppError } from '../../src/errors/app-error.js';
import { bearer, createTestServer, passage, readEvents } from './fakes.js';

const chat = (body: object = {}) => ({
  method: 'POST' as const,
  url: '/v1/chat/completions',
  headers: bearer(),
  payload: { model: 'assistant', stream: true, messages: [{ role: 'user', content: 'What is the fee?' }], ...body },
});

interface Chunk {
  id: string;
  choices: { delta: { role?: string; content: string; annotations?: object[] }; finish_reason: string | null }[];
  usage?: object | null;
}

t.test('a stream starts with the role, has a content in every delta, and ends with [DONE]', async (t) => {
  const { app } = await createTestServer();
  t.teardown(() => app.close());
  const response = await app.inject(chat());
  t.equal(response.statusCode, 200);
  t.match(response.headers, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache',
    'x-adapter': 'support@1',
    'x-canary-arm': 'stable',
    'x-request-id': String,
    'x-content-type-options': 'nosniff',
  });
  const events = readEvents(response.body);
  t.equal(events.pop(), '[DONE]');
  const chunks = events as Chunk[];
  t.same(
    chunks.map(({ choices }) => choices[0]?.delta.content),
    ['', 'Hello', ' world', ''],
  );
  t.equal(chunks[0]?.choices[0]?.delta.role, 'assistant');
  t.same(
    chunks.map(({ choices }) => choices[0]?.finish_reason),
    [null, null, null, 'stop'],
  );
  t.equal(new Set(chunks.map(({ id }) => id)).size, 1);
  t.notOk(
    chunks.some((chunk) => 'usage' in chunk),
    'usage was not asked for',
  );
});

t.test('usage comes only when asked for, in a last chunk without choices', async (t) => {
  const { app } = await createTestServer();
  t.teardown(() => app.close());
  const events = readEvents((await app.inject(chat({ stream_options: { include_usage: true } }))).body) as Chunk[];
  const [last, ...before] = events.slice(0, -1).reverse();
  t.match(last, { choices: [], usage: { prompt_tokens: 7, completion_tokens: 2, total_tokens: 9 } });
  t.equal(last?.choices.length, 0);
  t.ok(before.every(({ usage }) => usage === null));
});

t.test('citations come with the last delta', async (t) => {
  const { app, engine, retrieval } = await createTestServer();
  t.teardown(() => app.close());
  retrieval.passages.set('bank', [passage('fees', 'The fee is 5 EUR.', 0.9)]);
  engine.answer(['5 EUR [', '1].']);
  const chunks = readEvents((await app.inject(chat())).body).slice(0, -1) as Chunk[];
  t.match(chunks.at(-1)?.choices[0], {
    finish_reason: 'stop',
    delta: {
      annotations: [{ file_citation: { file_id: 'file-fees', index: 6 } }],
      context: { citations: [{ chunk_id: 'fees' }] },
    },
  });
  t.notOk(chunks.slice(0, -1).some(({ choices }) => 'annotations' in choices[0]!.delta));
});

t.test('an error before the first byte keeps its own status and is no stream', async (t) => {
  const { app, engine } = await createTestServer();
  t.teardown(() => app.close());
  engine.ready = false;
  const response = await app.inject(chat());
  t.equal(response.statusCode, 503);
  t.equal(response.json().error.code, 'engine_unavailable');
  t.equal(response.headers['retry-after'], '2');
  t.match(response.headers['content-type'], /^application\/json/);
});

t.test('an error in the middle is the last event, without [DONE]', async (t) => {
  const { app, engine, registry } = await createTestServer();
  t.teardown(() => app.close());
  engine.answer(['one', { fail: new AppError('engine_unavailable', { reason: 'it ended', retryAfterS: 1 }) }]);
  const response = await app.inject(chat());
  t.equal(response.statusCode, 200);
  const events = readEvents(response.body);
  t.match(events.at(-1), { error: { code: 'engine_unavailable', type: 'server_error', message: String } });
  t.notOk(events.includes('[DONE]'));
  t.match(registry.answers, [{ outcome: 'engine_unavailable', completionTokens: 1 }]);
});

t.test('silence is filled with comments that have no id, and the first of them may open the stream', async (t) => {
  const { app, engine } = await createTestServer({ server: { keepAlivePingMs: 20 } });
  t.teardown(() => app.close());
  let resume = () => {};
  engine.answer(['one', { wait: new Promise<void>((resolve) => (resume = resolve)) }, 'two']);
  const address = await app.listen({ port: 0 });
  const { headers, payload } = chat();
  const request = http.request(`${address}/v1/chat/completions`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
  });
  request.end(JSON.stringify(payload));
  const response = await new Promise<http.IncomingMessage>((resolve) => request.on('response', resolve));
  let body = '';
  for await (const piece of response) {
    body += piece;
    if (body.includes(': ping\n\n: ping\n\n')) resume();
  }
  t.match(body, /"one".*\n\n: ping\n\n: ping\n\n/s);
  t.notMatch(body, /^id:/m);
  t.match(body, /"two".*data: \[DONE]\n\n$/s);
});

t.test('a client that does not read holds the answer back instead of filling memory', async (t) => {
  const { app, engine, registry } = await createTestServer();
  t.teardown(() => app.close());
  const tokens = 400;
  let given = 0;
  engine.answer(
    Array.from({ length: tokens }, () => [
      'x'.repeat(64 * 1024),
      {
        get wait() {
          given += 1;
          return Promise.resolve();
        },
      },
    ]).flat(),
  );
  const address = await app.listen({ port: 0 });
  const { headers, payload } = chat({ retrieval: { enabled: false } });
  const request = http.request(`${address}/v1/chat/completions`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
  });
  request.end(JSON.stringify(payload));
  const response = await new Promise<http.IncomingMessage>((resolve) => request.on('response', resolve));
  // Not read yet: the sockets' buffers fill, then nothing moves any more.
  let before = -1;
  while (before !== given || given === 0) {
    before = given;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  t.ok(given < tokens, `the engine was held at ${given} of ${tokens} tokens`);
  let bytes = 0;
  for await (const piece of response) bytes += piece.length;
  t.ok(bytes > tokens * 64 * 1024, 'all of it arrives once the client reads');
  t.match(registry.answers, [{ outcome: 'completed', completionTokens: tokens }]);
});

for (const stream of [true, false]) {
  t.test(`an answer does not wait for its record, stream: ${stream}`, async (t) => {
    const { app, registry } = await createTestServer();
    t.teardown(() => app.close());
    const records: string[] = [];
    registry.recordAnswer = ({ id }) => {
      records.push(id);
      return new Promise(() => {});
    };
    const response = await app.inject(chat({ stream }));
    t.equal(response.statusCode, 200);
    t.equal(records.length, 1, 'it is under way');
  });
}
