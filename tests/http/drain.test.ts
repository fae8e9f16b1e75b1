import { once } from 'node:events';
import { connect } from 'node:net';
import t, { type Test } from 'tap';
import { bearer, createTestServer } from './fakes.js';

/** A server with one stream under way, which ends when `resume` is called. */
async function startOne(t: Test, drainTimeoutMs: number) {
  const server = await createTestServer({ server: { drainTimeoutMs } });
  let resume = () => {};
  server.engine.answer(['one', { wait: new Promise<void>((resolve) => (resume = resolve)) }, ' two']);
  const address = await server.app.listen({ port: 0 });
  const response = await fetch(`${address}/v1/chat/completions`, {
    method: 'POST',
    headers: { ...bearer(), 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'assistant', stream: true, messages: [{ role: 'user', content: 'Hi' }] }),
  });
  t.teardown(() => server.app.close());
  return { ...server, address, response, resume };
}

t.test('a server that stops says so at once, finishes what is under way, and takes nothing new', async (t) => {
  const { app, address, response, resume, registry } = await startOne(t, 60_000);
  const closed = app.close();
  const ready = await fetch(`${address}/readyz`);
  t.equal(ready.status, 503);
  t.match(await ready.json(), { status: 'draining' });
  t.equal((await fetch(`${address}/livez`)).status, 200);
  const refused = await fetch(`${address}/v1/models`, { headers: bearer() });
  t.equal(refused.status, 503);
  t.match(await refused.json(), { error: { code: 'draining' } });
  t.ok(refused.headers.get('retry-after'));
  resume();
  t.match(await response.text(), /" two".*data: \[DONE]/s);
  await closed;
  t.match(registry.answers, [{ outcome: 'completed' }]);
});

t.test('what is not done when the time is over is told so and ends', async (t) => {
  const { app, response, registry, engine } = await startOne(t, 50);
  await app.close();
  const body = await response.text();
  t.match(body, /"code":"draining"/);
  t.notMatch(body, '[DONE]');
  t.equal(engine.active(), 0);
  t.match(registry.answers, [{ outcome: 'draining', completionTokens: 1 }]);
});

t.test('a connection on which nothing was asked is not waited for', { timeout: 20_000 }, async (t) => {
  const { app } = await createTestServer();
  const address = new URL(await app.listen({ port: 0, host: '127.0.0.1' }));
  const socket = connect(Number(address.port), address.hostname);
  t.teardown(() => socket.destroy());
  await once(socket, 'connect');
  const closed = once(socket, 'close');
  socket.resume();
  await app.close();
  await closed;
});
