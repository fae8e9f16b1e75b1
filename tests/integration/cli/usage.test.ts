import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { run } from './cli-app.js';

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

t.test('the program runs as a process of its own', async (t) => {
  const main = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url));
  const cli = (...argv: string[]) => spawnSync(process.execPath, ['--import=tsx', main, ...argv], { encoding: 'utf8' });
  t.match(cli('--help'), { status: 0, stdout: /Usage: switchyard/ });
  t.match(cli('nonsense'), { status: 2, stderr: /unknown command/ });
});
