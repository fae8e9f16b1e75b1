import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { run } from './cli-app.js';

const MAIN = fileURLToPath(new URL(`../../../src/cli/main${extname(import.meta.url)}`, import.meta.url));

t.test('wrong usage has its own exit code and says what is wrong', async (t) => {
  t.match(await run('nonsense'), { code: 2, err: /unknown command 'nonsense'/ });
  t.match(await run('keys', 'list'), { code: 2, err: /--tenant <id>' not specified/ });
  t.match(await run('--url', 'nowhere', 'tenants', 'list'), { code: 2, err: /must look like http:/ });
  const set = ['deployments', 'set', 'assistant', '--tenant', 'bank'];
  t.match(await run(...set, '--adapter', 'support'), { code: 2, err: /must look like support@2/ });
  t.match(await run(...set, '--top-k', 'many'), { code: 2, err: /must be a number/ });
  t.match(await run(...set, '--adapter', 'support@1', '--base'), { code: 2, err: /cannot be used with/ });
});

t.test('help is no error', async (t) => {
  t.match(await run('--help'), { code: 0, out: /Usage: switchyard/, err: '' });
  t.match(await run('deployments', 'set-canary', '--help'), { code: 0, out: /--weight <percent>/ });
});

t.test('where nothing answers the command says how to start it', async (t) => {
  // Port 9 is refused by fetch itself, so nothing else can answer there.
  t.match(await run('--url', 'http://127.0.0.1:9', 'tenants', 'list'), {
    code: 1,
    err: /Nothing answers at .*npm start/,
  });
});

t.test('the demo key is never sent to another machine', async (t) => {
  t.match(await run('--url', 'http://gateway.example:8080', 'tenants', 'list'), {
    code: 2,
    err: /name an admin key with --key or SWITCHYARD_KEY/,
  });
});

/** A server that is no gateway of ours. */
async function listen(t: Test, listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

t.test('a prefix in the address of the gateway is kept', async (t) => {
  const asked: (string | undefined)[] = [];
  const url = await listen(t, ({ url }, response) => {
    asked.push(url);
    response.setHeader('content-type', 'application/json').end('{"data":[]}');
  });
  for (const prefix of ['/switchyard', '/switchyard/', '/', '']) await run('--url', url + prefix, 'tenants', 'list');
  t.same(asked, ['/switchyard/admin/tenants', '/switchyard/admin/tenants', '/admin/tenants', '/admin/tenants']);
  for (const wrong of [`${url}/?a=1`, `${url}/#a`, 'http://me:secret@127.0.0.1:1', 'ftp://127.0.0.1']) {
    t.match(await run('--url', wrong, 'tenants', 'list'), { code: 2, err: /must look like http:/ }, wrong);
  }
});

t.test('what answers but is no gateway is named, without the stack of a parser', async (t) => {
  const answers: [number, string, RegExp][] = [
    [
      200,
      '<!doctype html><title>Sign in</title>',
      /^switchyard: What answers at http:\S+ is no Switchyard gateway\..*\n$/,
    ],
    [200, '{"status":"ok"}', /^switchyard: What answers at http:\S+ is no Switchyard gateway\..*\n$/],
    [200, 'null', /is no Switchyard gateway/],
    [502, '<html>Bad gateway</html>', /^switchyard: http:\S+ answered 502, and not as a Switchyard gateway does\.\n$/],
    [404, '{"error":"no such thing"}', /answered 404, and not as a Switchyard gateway does/],
  ];
  for (const [status, body, err] of answers) {
    const url = await listen(t, (_request, response) => response.writeHead(status).end(body));
    t.match(await run('--url', url, 'tenants', 'list'), { code: 1, out: '', err }, body);
  }
});

t.test('a redirect is not followed, so that the key goes nowhere else', async (t) => {
  let keys = 0;
  const other = await listen(t, ({ headers }, response) => {
    if (headers.authorization) keys += 1;
    response.end('{"data":[]}');
  });
  const url = await listen(t, (_request, response) => response.writeHead(307, { location: other }).end());
  t.match(await run('--url', url, 'tenants', 'list'), { code: 1, err: /answered 307/ });
  t.equal(keys, 0);
});

t.test('the program runs as a process of its own', async (t) => {
  const cli = (...argv: string[]) =>
    spawnSync(process.execPath, [...process.execArgv, MAIN, ...argv], { encoding: 'utf8' });
  t.match(cli('--help'), { status: 0, stdout: /Usage: switchyard/ });
  t.match(cli('nonsense'), { status: 2, stderr: /unknown command/ });
});

t.test('a reader that has enough ends nothing', async (t) => {
  const env = { ...process.env, SWITCHYARD_DATA: t.testdir({}) };
  for (const closed of ['stdout', 'stderr'] as const) {
    const argv = closed === 'stdout' ? ['--json', 'models', 'list'] : ['nonsense'];
    const child = spawn(process.execPath, [...process.execArgv, MAIN, ...argv], { env });
    let errors = '';
    child.stderr.on('data', (chunk) => {
      errors += chunk;
    });
    child[closed].destroy();
    const [code] = await once(child, 'exit');
    t.equal(code, closed === 'stdout' ? 0 : 2, closed);
    t.equal(errors, '');
  }
});
