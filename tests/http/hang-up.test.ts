import http from 'node:http';
import t, { type Test } from 'tap';
import { bearer, createTestServer } from './fakes.js';

/** A request whose answer never ends by itself; resolves once two tokens were generated. */
async function startEndless(t: Test, stream: boolean) {
  const server = await createTestServer();
  t.teardown(() => server.app.close());
  let reached = () => {};
  const twoTokens = new Promise<void>((resolve) => (reached = resolve));
  server.engine.answer([
    'one',
    ' two',
    {
      get wait() {
        reached();
        return new Promise(() => {});
      },
    },
  ]);
  const address = await server.app.listen({ port: 0 });
  const request = http.request(`${address}/v1/chat/completions`, {
    method: 'POST',
    headers: { ...bearer(), 'content-type': 'application/json' },
  });
  request.on('error', () => {});
  request.end(JSON.stringify({ model: 'assistant', stream, messages: [{ role: 'user', content: 'Go on.' }] }));
  await twoTokens;
  return { ...server, request };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

for (const stream of [true, false]) {
  t.test(`a client that hangs up frees its slot and is metered, stream: ${stream}`, async (t) => {
    const { request, engine, registry, metrics } = await startEndless(t, stream);
    t.equal(engine.active(), 1);
    request.destroy();
    await until(() => engine.active() === 0 && registry.answers.length === 1);
    t.match(registry.answers[0], { outcome: 'aborted', promptTokens: 7, completionTokens: 2, adapter: 'support@1' });
    const exposed = await metrics.render();
    const labels = 'tenant="bank",deployment="assistant",adapter="support@1",arm="stable"';
    t.match(exposed, `switchyard_requests_total{${labels},outcome="aborted"} 1`);
    t.match(exposed, `switchyard_tokens_total{${labels},direction="completion"} 2`);
    t.match(
      exposed,
      'switchyard_http_requests_total{method="POST",route="/v1/chat/completions",status="499"} 1',
      'the HTTP metrics say that the client closed',
    );
    t.match(exposed, 'switchyard_http_requests_in_flight 0');
  });
}

t.test('what a client no longer waits for is no failure of ours', async (t) => {
  const lines: string[] = [];
  const { app, retrieval } = await createTestServer({ onLogLine: (line) => lines.push(line) });
  t.teardown(() => app.close());
  let reached = () => {};
  const embedding = new Promise<void>((resolve) => (reached = resolve));
  retrieval.embed = (_tenant, _texts, signal) => {
    reached();
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  };
  const address = await app.listen({ port: 0 });
  const request = http.request(`${address}/v1/embeddings`, {
    method: 'POST',
    headers: { ...bearer(), 'content-type': 'application/json' },
  });
  request.on('error', () => {});
  request.end(JSON.stringify({ model: 'embedder', input: 'x' }));
  await embedding;
  request.destroy();
  await until(() => lines.some((line) => line.includes('request completed')));
  t.match(lines.join(''), '"status":499');
  t.notMatch(lines.join(''), 'request failed');
});

t.test('an answer that takes too long ends with deadline_exceeded', async (t) => {
  const { app, engine, registry } = await createTestServer({ server: { requestTimeoutMs: 50 } });
  t.teardown(() => app.close());
  engine.answer(['one', { wait: new Promise(() => {}) }]);
  const response = await app.inject({
    method: 'POST',
    url: '/v1/chat/completions',
    headers: bearer(),
    payload: { model: 'assistant', messages: [{ role: 'user', content: 'Go on.' }] },
  });
  t.equal(response.statusCode, 504);
  t.equal(response.json().error.code, 'deadline_exceeded');
  t.equal(engine.active(), 0);
  t.match(registry.answers, [{ outcome: 'deadline_exceeded', completionTokens: 1 }]);
});

t.test('an engine that is stuck and does not even abort holds no client', async (t) => {
  const { app, engine, registry } = await createTestServer({ server: { requestTimeoutMs: 50 } });
  t.teardown(() => app.close());
  engine.generate = async function* () {
    yield { type: 'started', promptTokens: 7, cachedTokens: 0 };
    await new Promise(() => {});
  };
  const response = await app.inject({
    method: 'POST',
    url: '/v1/chat/completions',
    headers: bearer(),
    payload: { model: 'assistant', messages: [{ role: 'user', content: 'Go on.' }] },
  });
  t.equal(response.statusCode, 504);
  t.match(registry.answers, [{ outcome: 'deadline_exceeded', promptTokens: 7 }]);
});
