import { execFile, spawnSync } from 'node:child_process';
import http from 'node:http';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import t from 'tap';
import { bearer, createTestServer, KEY, OTHER_KEY, THIRD_KEY } from './fakes.js';

const MB = 1_000_000;
const TIMES = 5;
const LARGE_JSON = { path: '/v1/chat/completions', type: 'application/json', bytes: 12 * MB, code: 'body_too_large' };
const LARGE_FORM = {
  path: '/v1/files',
  type: 'multipart/form-data; boundary=x',
  bytes: 9 * MB,
  code: 'file_too_large',
};
const FORM_HEAD = '--x\r\ncontent-disposition: form-data; name="file"; filename="a.md"\r\n\r\n';

/** A body of the given size that would be valid but for it. */
function bodyOf({ type, bytes }: { type: string; bytes: number }): Buffer {
  if (type === 'application/json') return Buffer.from(JSON.stringify({ model: 'm', messages: 'x'.repeat(bytes) }));
  return Buffer.from(`${FORM_HEAD}${'x'.repeat(bytes)}\r\n--x--\r\n`);
}

/** The beginning of a request, and what comes back for it. */
function open(address: string, head: readonly string[], body = '') {
  const { hostname, port } = new URL(address);
  const socket = net.connect(Number(port), hostname);
  let received = '';
  socket.on('data', (chunk) => {
    received += chunk;
  });
  const until = async (pattern: RegExp) => {
    while (!pattern.test(received)) await new Promise((resolve) => socket.once('data', resolve));
    return received;
  };
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.on('error', () => {});
  socket.write(`${[...head, 'host: localhost', `authorization: Bearer ${KEY}`].join('\r\n')}\r\n\r\n${body}`);
  return { socket, until, closed };
}

for (const large of [LARGE_JSON, LARGE_FORM]) {
  t.test(`${large.bytes / MB} MB of ${large.type}: the refusal arrives every time`, async (t) => {
    const { app } = await createTestServer();
    t.teardown(() => app.close());
    const url = `${await app.listen({ port: 0 })}${large.path}`;
    const body = bodyOf(large);
    for (let n = 0; n < TIMES; n++) {
      const response = await fetch(url, {
        method: 'POST',
        headers: { ...bearer(), 'content-type': large.type },
        body,
      });
      t.equal(response.status, 413);
      t.match(await response.json(), { error: { code: large.code } });
    }
  });

  t.test(`the same in pieces of unknown number`, async (t) => {
    const { app } = await createTestServer();
    t.teardown(() => app.close());
    const url = `${await app.listen({ port: 0 })}${large.path}`;
    for (let n = 0; n < 3; n++) {
      const status = await new Promise((resolve, reject) => {
        const request = http.request(url, { method: 'POST', headers: { ...bearer(), 'content-type': large.type } });
        request.on('error', reject);
        request.on('response', (response) => {
          response.resume();
          response.on('end', () => resolve(response.statusCode));
        });
        request.end(bodyOf(large));
      });
      t.equal(status, 413);
    }
  });

  t.test('a body that says that it is too large is refused before it comes', async (t) => {
    const { app } = await createTestServer();
    t.teardown(() => app.close());
    const address = await app.listen({ port: 0 });
    const head = [`POST ${large.path} HTTP/1.1`, `content-type: ${large.type}`, `content-length: ${large.bytes}`];
    for (const expects of [[], ['expect: 100-continue']]) {
      const { until, socket } = open(address, [...head, ...expects]);
      const answer = await until(/\}$/);
      t.match(answer, /^HTTP\/1\.1 413 /, 'and nobody is told to go on');
      t.match(answer, large.code);
      socket.destroy();
    }
  });

  t.test('a body that stalls ends with 408', async (t) => {
    const { app } = await createTestServer({ server: { bodyTimeoutMs: 100 } });
    t.teardown(() => app.close());
    const address = await app.listen({ port: 0 });
    const head = [`POST ${large.path} HTTP/1.1`, `content-type: ${large.type}`, 'content-length: 1000'];
    const { until, closed } = open(address, head, large === LARGE_FORM ? FORM_HEAD : '{"model":');
    const answer = await until(/\}$/);
    t.match(answer, /^HTTP\/1\.1 408 /);
    t.match(answer, 'request_incomplete');
    await closed;
  });
}

const PYTHON = `
import sys, urllib.request, urllib.error
url, key, kind, size = sys.argv[1:]
body = b'--x\\r\\ncontent-disposition: form-data; name="file"; filename="a.md"\\r\\n\\r\\n' + b'x' * int(size)
for _ in range(${TIMES}):
    request = urllib.request.Request(url, body, {'content-type': kind, 'authorization': 'Bearer ' + key})
    try:
        print(urllib.request.urlopen(request).status)
    except urllib.error.HTTPError as error:
        print(error.code)
`;
const noPython = spawnSync('python3', ['--version']).status === 0 ? false : 'there is no python3';

t.test("Python's urllib hears of the refusal every time", { skip: noPython }, async (t) => {
  const { app } = await createTestServer();
  t.teardown(() => app.close());
  const address = await app.listen({ port: 0 });
  for (const { path, type, bytes } of [LARGE_JSON, LARGE_FORM]) {
    const { stdout } = await promisify(execFile)('python3', ['-c', PYTHON, address + path, KEY, type, String(bytes)]);
    t.same(stdout.trim().split('\n'), Array(TIMES).fill('413'));
  }
});

t.test('who asks first is told to go on, and answered', async (t) => {
  const { app } = await createTestServer();
  t.teardown(() => app.close());
  const body = JSON.stringify({ model: 'embedder', input: 'a text' });
  const head = ['POST /v1/embeddings HTTP/1.1', 'content-type: application/json', `content-length: ${body.length}`];
  const { until, socket } = open(await app.listen({ port: 0 }), [...head, 'expect: 100-continue']);
  await until(/^HTTP\/1\.1 100 /);
  socket.write(body);
  t.match(await until(/\}$/), /HTTP\/1\.1 200 /);
  socket.destroy();
});

t.test('the bodies of one tenant leave room for those of others', async (t) => {
  const { app } = await createTestServer({ server: { maxBodyBytesInFlight: 20_000 } });
  t.teardown(() => app.close());
  const address = await app.listen({ port: 0 });
  const embed = async (key: string) => {
    const body = JSON.stringify({ model: 'embedder', input: 'x'.repeat(4000) });
    const headers = { ...bearer(key), 'content-type': 'application/json' };
    return fetch(`${address}/v1/embeddings`, { method: 'POST', headers, body });
  };
  const head = ['POST /v1/embeddings HTTP/1.1', 'content-type: application/json', 'content-length: 9000'];
  const begun = open(address, head, '{');
  let refused = await embed(KEY);
  // Until the server has seen the first one.
  while (refused.status === 200) refused = await embed(KEY);
  t.equal(refused.status, 429);
  t.equal(refused.headers.get('retry-after'), '1');
  t.match(await refused.json(), { error: { code: 'queue_full', message: /10000 bytes/ } });
  t.equal((await embed(OTHER_KEY)).status, 200);
  begun.socket.destroy();
  while ((await embed(KEY)).status !== 200);
});

t.test('bodies of a tenant that sends many wait for each other, and nobody else for them', async (t) => {
  const waits: [string, number][] = [];
  const { app } = await createTestServer({
    server: { bodyBytesPerSecond: 100_000 },
    onLogLine(line) {
      const { tenant, bodyWaitMs } = JSON.parse(line);
      if (bodyWaitMs !== undefined) waits.push([tenant, bodyWaitMs]);
    },
  });
  t.teardown(() => app.close());
  const post = async (key: string, path: string, payload: object) =>
    (await app.inject({ method: 'POST', url: `/v1/${path}`, headers: bearer(key), payload })).statusCode;
  const embed = (key: string) => post(key, 'embeddings', { model: 'embedder', input: 'x'.repeat(80_000) });
  t.same(await Promise.all([embed(KEY), embed(KEY), embed(OTHER_KEY)]), [200, 200, 200], 'all are answered');
  // The first is read at once, and a quarter of a second's bytes with it.
  t.same(
    waits.map(([tenant, ms]) => [tenant, ms > 0 && ms <= 600]),
    [['bank', true]],
  );

  waits.length = 0;
  const chat = (count: number) => ({ model: 'nothing', messages: Array(count).fill({ role: 'user', content: '' }) });
  t.equal(await post(OTHER_KEY, 'chat/completions', chat(250)), 404);
  t.equal(await post(OTHER_KEY, 'chat/completions', chat(1)), 404);
  t.ok(waits.at(-1)![1] > 500, 'what a body holds counts too');
});

t.test('a body that waits holds its place until its client is gone, or another needs it more', async (t) => {
  const server = { bodyBytesPerSecond: 1024, maxBodyBytesInFlight: 40_000 };
  const { app } = await createTestServer({ server });
  t.teardown(() => app.close());
  const address = await app.listen({ port: 0 });
  const send = (key: string, bytes: number) => {
    const body = JSON.stringify({ model: 'embedder', input: 'x'.repeat(bytes) });
    const gone = new AbortController();
    const headers = { ...bearer(key), 'content-type': 'application/json' };
    const answer = fetch(`${address}/v1/embeddings`, { method: 'POST', headers, body, signal: gone.signal });
    return { gone, status: answer.then(({ status }) => status).catch(() => null) };
  };
  const isSentAway = async ({ status }: ReturnType<typeof send>) =>
    (await Promise.race([status, sleep(300, null)])) === 429;
  const isRefused = async (key: string, bytes: number) => {
    const sent = send(key, bytes);
    const isIt = await isSentAway(sent);
    sent.gone.abort();
    return isIt;
  };
  t.equal(await send(KEY, 9000).status, 200);
  const waiting = send(KEY, 9000);
  // Until the server has seen it.
  while (!(await isRefused(KEY, 12_000)));
  waiting.gone.abort();
  while (await isRefused(KEY, 12_000));
  t.equal(await waiting.status, null);

  let longest = send(KEY, 19_000);
  while (await isSentAway(longest)) longest = send(KEY, 19_000);
  while (!(await isRefused(KEY, 12_000)));
  t.equal(await send(OTHER_KEY, 15_000).status, 200);
  const other = send(OTHER_KEY, 15_000);
  const status = async () => Promise.race([longest.status, sleep(1, null)]);
  while ((await status()) === null) await isRefused(THIRD_KEY, 15_000);
  t.equal(await status(), 429);
  other.gone.abort();
});

t.test('a body that breaks off frees its place and is answered by nobody', async (t) => {
  const { app } = await createTestServer();
  t.teardown(() => app.close());
  const address = await app.listen({ port: 0 });
  for (const { path, type } of [LARGE_JSON, LARGE_FORM]) {
    const { socket, closed } = open(address, [`POST ${path} HTTP/1.1`, `content-type: ${type}`, 'content-length: 100']);
    socket.end('{');
    await closed;
  }
  t.equal((await fetch(`${address}/livez`)).status, 200);
});

t.test('a body that holds too many things is refused before it is read, whatever its size', async (t) => {
  const { app } = await createTestServer({ server: { maxBodyParts: 100 } });
  t.teardown(() => app.close());
  const send = (payload: string) =>
    app.inject({
      method: 'POST',
      url: '/v1/chat/completions',
      headers: { ...bearer(), 'content-type': 'application/json' },
      payload,
    });
  const chat = (count: number) =>
    JSON.stringify({ model: 'assistant', messages: Array(count).fill({ role: 'user', content: '[:{' }) });
  t.equal((await send(chat(32))).statusCode, 200);
  for (const payload of [chat(33), '['.repeat(101)]) {
    const response = await send(payload);
    t.equal(response.statusCode, 400);
    t.match(response.json(), { error: { param: 'body', message: /more than 100 objects.*server\.maxBodyParts/ } });
  }
});
