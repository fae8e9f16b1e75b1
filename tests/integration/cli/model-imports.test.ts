import t from 'tap';
import type { ModelImport, ModelImports } from '../../../src/contracts/model-imports.js';
import { AppError } from '../../../src/errors/app-error.js';
import { cliApp } from './cli-app.js';

const ONE: ModelImport = {
  ...{ id: 'job_1', model: 'hub:owner/tiny', as: 'mine', status: 'running', attempts: 1, progress: 0.45 },
  ...{ detail: 'Hugging Face Hub owner/tiny', bytes: { done: 50, total: 100 }, error: null, leftMs: null },
  ...{ createdAt: 1000, startedAt: 1000, finishedAt: null },
};

t.test('imports of a gateway that runs are started, followed and called off from the command line', async (t) => {
  const started: unknown[] = [];
  const looks = [ONE, { ...ONE, status: 'completed', progress: 1, detail: null, bytes: null } as const];
  const modelImports: ModelImports = {
    models: async () => [],
    async start(wanted) {
      started.push(wanted);
      return { ...ONE, status: 'queued' };
    },
    async get(id) {
      if (id !== 'job_1') throw new AppError('not_found', { what: 'Job', id });
      return looks.length > 1 ? looks.shift()! : looks[0]!;
    },
    list: async () => [ONE],
    cancel: async () => ({ ...ONE, status: 'cancelled' }),
  };
  const { cli, json } = await cliApp(t, { modelImports });
  const imports = (...argv: string[]) => cli('models', 'imports', ...argv);
  const followed = await imports('start', 'hub:owner/tiny', '--as', 'mine', '--wait');
  t.equal(followed.code, 0, followed.err);
  t.same(started, [{ model: 'hub:owner/tiny', as: 'mine' }]);
  t.match(followed.out, /job_1 +hub:owner\/tiny +mine +completed +100 %/);
  t.match(followed.err, /start the gateway anew/);
  t.match((await imports('list')).out, /^job_1 .* running +45 % +Hugging Face Hub owner\/tiny/m);
  t.match(await json('models', 'imports', 'show', 'job_1'), { id: 'job_1', bytes: null });
  t.match((await imports('cancel', 'job_1')).out, /cancelled/);
  t.match(await imports('show', 'job_9'), { code: 1, err: /job_9 does not exist/ });
});
