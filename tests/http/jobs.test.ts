import t from 'tap';
import { bearer, createTestServer, OTHER_KEY } from './fakes.js';

const JOB = {
  id: 'job_1',
  kind: 'ingest',
  tenant: 'bank',
  subject: 'vs_1/file-1',
  status: 'running',
  attempts: 2,
  progress: 0.25,
  error: { code: 'server_error', message: 'It ended.' },
  createdAt: 1_700_000_000_999,
  startedAt: 1_700_000_001_000,
  finishedAt: null,
  leftMs: 1500,
} as const;

t.test('jobs are listed, shown and called off by their tenant', async (t) => {
  const { app, retrieval } = await createTestServer();
  t.teardown(() => app.close());
  retrieval.jobs.set('job_1', JOB);
  retrieval.jobs.set('job_2', { ...JOB, id: 'job_2', status: 'completed', leftMs: null });
  const call = async (method: 'GET' | 'POST', url: string, key?: string) => {
    const response = await app.inject({ method, url, headers: bearer(key) });
    return { status: response.statusCode, body: response.json() };
  };
  const shown = {
    id: 'job_1',
    object: 'job',
    kind: 'ingest',
    subject: 'vs_1/file-1',
    status: 'running',
    attempts: 2,
    progress: 0.25,
    estimated_seconds_left: 2,
    last_error: { code: 'server_error', message: 'It ended.' },
    created_at: 1_700_000_000,
    started_at: 1_700_000_001,
    finished_at: null,
  };
  t.same((await call('GET', '/v1/jobs/job_1')).body, shown);
  t.match((await call('GET', '/v1/jobs?order=asc')).body, { object: 'list', data: [shown, { id: 'job_2' }] });
  t.match((await call('GET', '/v1/jobs?status=completed&kind=ingest')).body.data, [{ id: 'job_2' }]);
  t.match((await call('GET', '/v1/jobs?status=lost')).body.error, { code: 'invalid_value', param: 'status' });
  t.equal((await call('GET', '/v1/jobs/job_1', OTHER_KEY)).status, 404);
  t.same((await call('GET', '/v1/jobs', OTHER_KEY)).body.data, []);
  t.match((await call('POST', '/v1/jobs/job_1/cancel')).body, { status: 'cancelled' });
});
