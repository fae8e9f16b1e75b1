import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import { openCaller, wholeBody } from '../../../bench/overhead/caller.js';

const OK = 'HTTP/1.1 200 OK\r\n';
const bytes = (text: string) => Buffer.from(text, 'latin1');

t.test('a body is whole by its length, or with its last chunk', async (t) => {
  const known = `${OK}Content-Length: 4\r\n\r\n`;
  t.equal(wholeBody(bytes(OK)), null);
  t.equal(wholeBody(bytes(`${known}{"a`)), null);
  t.equal(wholeBody(bytes(`${known}null`))?.toString(), 'null');
  t.equal(wholeBody(bytes(`${OK}content-length:0\r\n\r\n`))?.length, 0);
  const chunked = `${OK}transfer-encoding: chunked\r\n\r\n`;
  t.equal(wholeBody(bytes(`${chunked}4\r\nnull\r\n`)), null);
  t.match(wholeBody(bytes(`${chunked}4\r\nnull\r\n0\r\n\r\n`))?.toString(), 'null');
});

/** Answers each question with what comes next, in the pieces given. */
async function serverOf(t: Test, answers: readonly (readonly string[])[]): Promise<string> {
  let next = 0;
  const server = createServer((socket: Socket) => {
    socket.on('data', async () => {
      const pieces = answers[next++];
      if (pieces === undefined) return socket.destroy();
      for (const piece of pieces) {
        socket.write(piece);
        await new Promise((resolve) => setImmediate(resolve));
      }
    });
    socket.on('error', () => {});
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`;
}

t.test('a caller reads one answer after the other, however they are cut, and hears of an end before one', async (t) => {
  const whole = `${OK}content-length: 2\r\n\r\n{}`;
  const refused = 'HTTP/1.1 429 Too Many Requests\r\ncontent-length: 2\r\n\r\nno';
  const url = await serverOf(t, [[whole], [refused.slice(0, 20), refused.slice(20, -1), 'o']]);
  const caller = await openCaller(url, '/x', { a: 'b' }, 'body');
  t.match(await caller.ask(), { status: 200, body: Buffer.from('{}') });
  t.match(await caller.ask(), { status: 429, body: Buffer.from('no') });
  await t.rejects(caller.ask(), /connection/);
  caller.close();
});
