import t from 'tap';
import type { Retrieval } from '../../../src/contracts/retrieval.js';
import { TENANT_KEY } from '../../http/admin-app.js';
import { createFakeRetrieval } from '../../http/fakes/retrieval.js';
import { cliApp } from './cli-app.js';

t.test('jobs are listed, shown and called off from the command line', async (t) => {
  const fake = createFakeRetrieval();
  const job = {
    id: 'job_1',
    kind: 'ingest',
    tenant: 'bank',
    subject: 'vs_1/file-1',
    status: 'running',
    attempts: 1,
    progress: 0.256,
    error: null,
    createdAt: 1000,
    startedAt: 1000,
    finishedAt: null,
    leftMs: 100_000,
  } as const;
  fake.jobs.set('job_1', job);
  fake.jobs.set('job_2', {
    ...job,
    id: 'job_2',
    status: 'failed',
    error: { code: 'x', message: 'Why.' },
    leftMs: null,
  });
  const { cli } = await cliApp(t, { retrieval: fake satisfies Retrieval });
  const jobs = (...argv: string[]) => cli('--key', TENANT_KEY, 'jobs', ...argv);
  t.match((await jobs('list')).out, /job_1 +ingest +vs_1\/file-1 +running +1 +25 % +2 min +-$/m);
  t.match((await jobs('list', '--status', 'failed')).out, /^job_2 .* - +Why\.$/m);
  t.match(await jobs('list', '--status', 'lost'), { code: 2 });
  fake.jobs.set('job_3', { ...job, id: 'job_3', kind: 'reembed', subject: 'vs_1' });
  const { out } = await jobs('list', '--kind', 'reembed', '--limit', '5');
  t.match(out, /^job_3 +reembed +vs_1 /m);
  t.notMatch(out, /job_1|job_2/);
  t.match(await jobs('list', '--kind', 'batch'), { code: 2 });
  t.match((await jobs('show', 'job_1')).out, /^job_1/m);
  t.match((await jobs('cancel', 'job_1')).out, /cancelled/);
  t.match(await jobs('show', 'job_9'), { code: 1, err: /job_9 does not exist/ });
});
