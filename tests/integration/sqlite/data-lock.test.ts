import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { extname } from 'node:path';
import t from 'tap';
import { AppError } from '../../../src/errors/app-error.js';
import { lockDataDir } from '../../../src/sqlite/data-lock.js';

const module = new URL(`../../../src/sqlite/data-lock${extname(import.meta.url)}`, import.meta.url).href;

t.test('a data folder has one gateway at a time', async (t) => {
  const dataDir = t.testdir({});
  const first = lockDataDir(dataDir);
  const refused = t.throws(() => lockDataDir(dataDir), { code: 'config_invalid' }) as AppError;
  t.match(refused.message, dataDir);
  await first.close();
  await lockDataDir(dataDir).close();
});

t.test('the lock of a gateway that was killed is gone', async (t) => {
  const dataDir = t.testdir({});
  const script = `import { lockDataDir } from ${JSON.stringify(module)};
    lockDataDir(${JSON.stringify(dataDir)}); process.stdout.write('locked'); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, [...process.execArgv, '--input-type=module', '-e', script]);
  await once(child.stdout, 'data');
  t.throws(() => lockDataDir(dataDir), AppError);
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
  await lockDataDir(dataDir).close();
});
