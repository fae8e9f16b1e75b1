/** The packed tarball, installed where nothing else is: what a user of npm gets. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { MODELS } from '../integration/gateway-process.js';
import { developmentPackagesIn, ROOT, run, until } from './tools.js';

const PORT = '18091';

t.test('npx switchyard runs from a tarball, without packages of development', async (t) => {
  const folder = t.testdir({ app: { 'package.json': '{"private":true}' }, data: {} });
  const app = join(folder, 'app');
  run('npm', ['pack', '--pack-destination', folder]);
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  // onnxruntime's own script would download CUDA libraries.
  const env = { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip' };
  run('npm', ['install', '--no-audit', '--no-fund', join(folder, `switchyard-${version}.tgz`)], { cwd: app, env });
  t.same(developmentPackagesIn(app), [], 'no package of development');
  t.notOk(
    existsSync(join(app, 'node_modules/switchyard/indexes/northwind-bank/blind.jsonl')),
    'nor what only evaluation reads',
  );

  symlinkSync(MODELS, join(folder, 'data/models'));
  const settings = {
    ...env,
    SWITCHYARD_DATA: join(folder, 'data'),
    SWITCHYARD_MODELS_BASE: 'smollm2-135m-instruct',
    PORT,
  };
  const npx = (...args: string[]) => run('npx', ['--no-install', 'switchyard', ...args], { cwd: app, env: settings });
  t.match(npx('--help'), /serve/);
  t.match(npx('doctor'), /good {2}kernels/, 'the kernels were built where it was installed');

  const serve = ['--no-install', 'switchyard', 'serve'];
  const gateway = spawn('npx', serve, { cwd: app, env: settings, stdio: 'ignore', detached: true });
  // npx runs it in a shell, which hands no signal on: all of the group are told.
  const signal = (name: NodeJS.Signals) => {
    try {
      process.kill(-gateway.pid!, name);
    } catch {
      // None of them is left.
    }
  };
  t.teardown(() => signal('SIGKILL'));
  const url = `http://127.0.0.1:${PORT}`;
  await until('ready', 300_000, async () => ((await fetch(`${url}/readyz`)).ok ? true : null));
  const answer = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: 'Bearer sk-demo-copilot', 'content-type': 'application/json' },
    body: JSON.stringify({
      model: 'assistant',
      max_tokens: 8,
      messages: [{ role: 'user', content: 'What is the body limit?' }],
    }),
  });
  t.match(await answer.json(), { object: 'chat.completion' });
  const ended = once(gateway, 'exit');
  signal('SIGTERM');
  await ended;
  await until('gone', 60_000, () =>
    fetch(`${url}/livez`).then(
      () => null,
      () => true,
    ),
  );
});
