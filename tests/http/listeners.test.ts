import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, readFileSync } from 'node:fs';
import { request as httpsRequest } from 'node:https';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { mock } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import t from 'tap';
import { ADMIN_KEY, bearer, createTestServer, KEY } from './fakes.js';

const TLS = resolve('tests/fixtures/tls');
const CA = join(TLS, 'ca.pem');

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

/** Name in the certificate, and status. */
function ask(address: string, client = {}): Promise<{ name: string; status: number | undefined }> {
  return new Promise((done, fail) => {
    const request = httpsRequest(`${address}/livez`, { ca: readFileSync(CA), agent: false, ...client }, (response) => {
      const { subject } = (response.socket as TLSSocket).getPeerCertificate();
      response.resume().once('end', () => done({ name: String(subject.CN), status: response.statusCode }));
    });
    request.once('error', fail);
    request.end();
  });
}

t.test(
  'the listener of operators waits for no connection on which nothing was asked',
  { timeout: 20_000 },
  async (t) => {
    const port = await freePort();
    const { app } = await createTestServer({ admin: { host: '127.0.0.1', port } });
    await app.listenAdmin();
    const socket = connect(port, '127.0.0.1');
    t.teardown(() => socket.destroy());
    await once(socket, 'connect');
    const closed = once(socket.resume(), 'close');
    await app.close();
    await closed;
  },
);

t.test('what operators use is on a listener of its own, and on no other', async (t) => {
  const port = await freePort();
  const { app } = await createTestServer({ admin: { host: '127.0.0.1', port } });
  t.teardown(() => app.close());
  const main = await app.listen({ port: 0, host: '127.0.0.1' });
  await app.listenAdmin();
  const admin = `http://127.0.0.1:${port}`;
  const status = async (url: string, key = KEY) => (await fetch(url, { headers: bearer(key) })).status;
  t.equal(await status(`${main}/v1/models`), 200);
  t.equal(await status(`${main}/admin/tenants`, ADMIN_KEY), 404);
  t.equal(await status(`${main}/metrics`, ADMIN_KEY), 404);
  t.equal(await status(`${admin}/admin/tenants`, ADMIN_KEY), 200);
  t.equal(await status(`${admin}/metrics`, ADMIN_KEY), 200);
  t.equal(await status(`${admin}/v1/models`), 404);
  for (const listener of [main, admin]) t.equal(await status(`${listener}/livez`), 200);
});

t.test('a certificate that changes is taken over while the server goes on, and a bad one is not', async (t) => {
  const folder = t.testdir({});
  const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const use = (name: string) => {
    copyFileSync(join(TLS, `${name}.pem`), certFile);
    copyFileSync(join(TLS, `${name}.key`), keyFile);
  };
  use('server-1');
  const lines: string[] = [];
  const { app } = await createTestServer({
    tls: { certFile, keyFile, clientCaFile: '' },
    onLogLine: (line) => lines.push(line),
  });
  t.teardown(() => app.close());
  const address = await app.listen({ port: 0, host: '127.0.0.1' });
  t.match(address, /^https:/);
  t.same(await ask(address), { name: 'server-1', status: 200 });
  use('server-2');
  process.emit('SIGHUP');
  t.same(await ask(address), { name: 'server-2', status: 200 });
  copyFileSync(join(TLS, 'server-1.pem'), certFile);
  process.emit('SIGHUP');
  t.ok(
    lines.some((line) => line.includes('the certificate of before stays')),
    'it does not belong to its key',
  );
  t.same(await ask(address), { name: 'server-2', status: 200 });
  t.notOk(lines.join().includes('PRIVATE KEY'));
});

t.test('with an authority for clients, whoever has no certificate of it does not get in', async (t) => {
  const of = (name: string) => ({ certFile: join(TLS, `${name}.pem`), keyFile: join(TLS, `${name}.key`) });
  const { app } = await createTestServer({ tls: { ...of('server-1'), clientCaFile: CA } });
  t.teardown(() => app.close());
  const address = await app.listen({ port: 0, host: '127.0.0.1' });
  await t.rejects(ask(address), { code: /ECONNRESET|ERR_SSL|EPIPE/ });
  const client = { cert: readFileSync(of('client').certFile), key: readFileSync(of('client').keyFile) };
  t.match(await ask(address, client), { status: 200 });
  await t.rejects(createTestServer({ tls: { ...of('server-1'), certFile: CA, clientCaFile: '' } }), {
    code: 'config_invalid',
  });
});

t.test('files that change are seen without a signal, and another authority lets in other clients', async (t) => {
  mock.timers.enable({ apis: ['setInterval'] });
  t.teardown(() => mock.timers.reset());
  const of = (name: string) => ({ certFile: join(TLS, `${name}.pem`), keyFile: join(TLS, `${name}.key`) });
  const clientCaFile = join(t.testdir({}), 'clients.pem');
  copyFileSync(CA, clientCaFile);
  const { app } = await createTestServer({ tls: { ...of('server-1'), clientCaFile } });
  t.teardown(() => app.close());
  const address = await app.listen({ port: 0, host: '127.0.0.1' });
  const client = { cert: readFileSync(of('client').certFile), key: readFileSync(of('client').keyFile) };
  t.match(await ask(address, client), { status: 200 });
  // Of itself alone it is the authority.
  copyFileSync(of('server-2').certFile, clientCaFile);
  mock.timers.tick(5000);
  await t.rejects(ask(address, client), { code: /ECONNRESET|ERR_SSL|EPIPE/ });
});

t.test('the health check of the image sees a server with TLS and one without, and none', async (t) => {
  const dockerfile = readFileSync('deploy/docker/Dockerfile', 'utf8');
  const [, ...command] = JSON.parse(/CMD (\["node", .*\])/.exec(dockerfile)![1]!) as string[];
  const { certFile, keyFile } = { certFile: join(TLS, 'server-1.pem'), keyFile: join(TLS, 'server-1.key') };
  for (const tls of [undefined, { certFile, keyFile, clientCaFile: '' }]) {
    const { app } = await createTestServer(tls && { tls });
    t.teardown(() => app.close());
    await app.listen({ port: 0, host: '127.0.0.1' });
    const PORT = String((app.server.address() as AddressInfo).port);
    const env = { PORT, ...(tls && { SWITCHYARD_TLS_CERT_FILE: certFile }) };
    const exitCode = async () => (await once(spawn(process.execPath, command, { env }), 'close'))[0];
    t.equal(await exitCode(), 0);
    await app.close();
    t.equal(await exitCode(), 1);
  }
});

t.test('connections that send nothing, or headers a byte at a time, take nothing from others', async (t) => {
  const { app } = await createTestServer({ server: { headersTimeoutMs: 300 } });
  t.teardown(() => app.close());
  const address = await app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = app.server.address() as AddressInfo;
  const open = (text: string) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    socket.on('error', () => {});
    return socket;
  };
  const idle = Array.from({ length: 500 }, () => open(''));
  const slow = open('POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n');
  const drip = setInterval(() => slow.write('x'), 50);
  const closed = new Promise((done) => slow.once('close', done));
  const begunMs = performance.now();
  t.equal((await fetch(`${address}/v1/models`, { headers: bearer() })).status, 200);
  await closed;
  clearInterval(drip);
  t.ok(performance.now() - begunMs >= 250, 'it had its time');
  t.equal((await fetch(`${address}/v1/models`, { headers: bearer() })).status, 200);
  for (const socket of idle) socket.destroy();
});

t.test('more connections than may be open are closed at once', async (t) => {
  const { app } = await createTestServer({ server: { maxConnections: 2 } });
  t.teardown(() => app.close());
  await app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = app.server.address() as AddressInfo;
  const open = () => connect(port, '127.0.0.1').on('error', () => {});
  const two = [open(), open()];
  await Promise.all(two.map((socket) => new Promise((done) => socket.once('connect', done))));
  while (((await new Promise<number>((done) => app.server.getConnections((_, n) => done(n)))) ?? 0) < 2) await sleep(5);
  await new Promise((done) => open().once('close', done));
  for (const socket of two) t.equal(socket.readyState, 'open');
  for (const socket of two) socket.destroy();
});

t.test('while the thread is behind, requests are shed, and operators get in', async (t) => {
  const { app } = await createTestServer({ server: { maxLoopDelayMs: 40 } });
  t.teardown(() => app.close());
  const get = (url: string, key = KEY) => app.inject({ url, headers: bearer(key) });
  t.equal((await get('/v1/models')).statusCode, 200);
  const untilMs = performance.now() + 2500;
  while (performance.now() < untilMs) {
    const busyMs = performance.now() + 80;
    while (performance.now() < busyMs);
    await sleep(1);
  }
  const shed = await get('/v1/models');
  t.equal(shed.statusCode, 503);
  t.equal(shed.json().error.code, 'overloaded');
  t.equal(shed.headers['retry-after'], '2');
  t.equal((await get('/admin/tenants', ADMIN_KEY)).statusCode, 200);
  t.equal((await get('/livez')).statusCode, 200);
  while ((await get('/v1/models')).statusCode !== 200) await sleep(100);
});
