import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { bearer, createTestServer } from './fakes.js';

/** Sends a chat over a bare connection, and closes this half of it as `nc -N` does. */
async function ask(t: Test, { stream = false, version = '1.1', endless = false }) {
  const server = await createTestServer();
  t.teardown(() => server.app.close());
  server.engine.answer(['Hello', { wait: endless ? new Promise(() => {}) : sleep(100) }, ' world']);
  await server.app.listen({ port: 0 });
  const { port } = server.app.server.address() as net.AddressInfo;
  const body = JSON.stringify({ model: 'plain', stream, messages: [{ role: 'user', content: 'Go on.' }] });
  const head = [
    `POST /v1/chat/completions HTTP/${version}`,
    'host: localhost',
    `authorization: ${bearer().authorization}`,
    'content-type: application/json',
    'connection: close',
    `content-length: ${Buffer.byteLength(body)}`,
  ];
  const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk;
  });
  socket.on('error', () => {});
  const closed = new Promise<string>((resolve) => socket.on('close', () => resolve(answer)));
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
  return { ...server, socket, closed };
}

for (const stream of [false, true]) {
  t.test(`a client that closes its half of the connection gets its answer, stream: ${stream}`, async (t) => {
    const { closed, registry } = await ask(t, { stream });
    t.match(await closed, stream ? /Hello[\s\S]* world[\s\S]*\[DONE\]/ : /HTTP\/1.1 200 OK[\s\S]*Hello world/);
    t.match(registry.answers, [{ outcome: 'completed' }]);
  });

  t.test(`a client that closes its half and then goes away is a hang-up, stream: ${stream}`, async (t) => {
    const { engine, socket, registry } = await ask(t, { stream, endless: true });
    while (engine.active() === 0) await sleep(2);
    // Without the probes, a stream would find out at its second comment, and a whole answer never.
    socket.destroy();
    while (registry.answers.length === 0) await sleep(2);
    t.match(registry.answers, [{ outcome: 'aborted' }]);
  });
}

t.test('a client of HTTP/1.0 is never sent an interim response', async (t) => {
  const { closed } = await ask(t, { version: '1.0' });
  const answer = await closed;
  t.match(answer, /^HTTP\/1.1 200 OK[\s\S]*Hello world/);
});
