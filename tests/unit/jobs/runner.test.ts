import { mock } from 'node:test';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { Kysely, SqliteDialect } from 'kysely';
import t, { type Test } from 'tap';
import { AppError } from '../../../src/errors/app-error.js';
import { completeJob, createJobs, enqueueJob } from '../../../src/jobs/jobs.js';
import { JobRunner, type JobRunnerOptions } from '../../../src/jobs/runner.js';
import { JOBS_SCHEMA, type JobTables } from '../../../src/jobs/table.js';
import { openSqlite } from '../../../src/sqlite/open.js';

const PAGE = { limit: 10, after: null, order: 'asc' } as const;

function setUp(
  t: Test,
  work: (subject: string, signal: AbortSignal) => Promise<void>,
  options: Partial<JobRunnerOptions> = {},
) {
  const database = openSqlite(`${t.testdir()}/jobs.db`);
  database.exec(JOBS_SCHEMA);
  const db = new Kysely<JobTables>({ dialect: new SqliteDialect({ database }) });
  const jobs = createJobs(db);
  const errors: string[] = [];
  const runner = new JobRunner({
    jobs,
    kind: 'ingest',
    holder: 'me',
    isAlone: true,
    atOnce: 2,
    maxAttempts: 3,
    failure: { code: 'server_error', message: 'On our side.' },
    work: async (lease, { signal }) => {
      await work(lease.subject, signal);
      signal.throwIfAborted();
      await completeJob(db, lease, Date.now());
    },
    onFailed: () => {},
    clock: { now: Date.now, monotonicMs: () => performance.now() },
    onError: (_, what) => errors.push(what),
    ...options,
  });
  t.teardown(async () => {
    await runner.stop();
    await db.destroy();
  });
  const add = (subject: string, tenant = 'a') =>
    enqueueJob(db, { kind: 'ingest', tenant, subject, size: 1 }, Date.now());
  const one = async () => (await jobs.list('a', PAGE, {}, 2)).items[0]!;
  const until = async (status: string) => {
    while ((await one()).status !== status) await sleep(5);
    return one();
  };
  return { db, jobs, runner, add, one, until, errors };
}

t.test('a failure that may pass is tried again, a few times', async (t) => {
  let calls = 0;
  const { runner, add, until } = setUp(t, async () => {
    if (++calls < 3) throw new AppError('storage_unavailable', { reason: 'busy', retryAfterS: 1 });
  });
  await add('x');
  runner.start();
  t.match(await until('completed'), { attempts: 3, error: null });
});

t.test('a failure of its own ends a job with the reason, an unknown one keeps its words to itself', async (t) => {
  const { runner, add, jobs, until, errors } = setUp(t, async (subject) => {
    throw subject === 'x' ? new AppError('not_found', { what: 'File', id: '1' }) : new Error('private');
  });
  await add('x');
  await add('y');
  runner.start();
  t.match(await until('failed'), { error: { code: 'not_found', message: 'File 1 does not exist.' }, attempts: 1 });
  const second = async () => (await jobs.list('a', PAGE, {}, 2)).items[1]!;
  while ((await second()).status !== 'failed') await sleep(5);
  t.match(await second(), { error: { code: 'server_error', message: 'On our side.' } });
  t.same(errors, ['job y failed']);
});

t.test('what ended its process too often is given up with the reason', async (t) => {
  const { db, runner, add, until, jobs } = setUp(t, async () => void t.fail('it is not begun again'));
  await add('x');
  for (let death = 1; death <= 3; death++) {
    const claim = { holder: 'dead', afterTenant: '', except: [], leaseMs: 0, nowMs: death };
    await jobs.risk((await jobs.claim('ingest', claim))!);
  }
  t.match((await db.selectFrom('jobs').select('attempts').executeTakeFirstOrThrow()).attempts, 3);
  runner.start();
  t.match(await until('failed'), { error: { code: 'server_error', message: /The process ended 3 times/ } });
});

t.test(
  'work is stopped within seconds after its job was called off, and a stop gives back what is not done',
  async (t) => {
    const { runner, add, one, jobs, until } = setUp(t, async (_, signal) => {
      await sleep(60_000, undefined, { signal });
    });
    await add('x');
    await add('y', 'b');
    runner.start();
    const { id } = await until('running');
    await jobs.cancel('a', id, Date.now());
    await add('z');
    const next = async () => (await jobs.list('a', PAGE, {}, 2)).items[1]!;
    while ((await next()).status !== 'running') await sleep(20);
    t.match(await one(), { status: 'cancelled' });
    await runner.stop();
    t.match(await next(), { status: 'queued', attempts: 0 });
  },
);

t.test('a database that is away for an hour is asked every quarter of a minute, and no more often', async (t) => {
  let asked = 0;
  const away = async () => {
    asked += 1;
    throw Object.assign(new Error('full'), { code: 'SQLITE_FULL' });
  };
  const { runner, jobs } = setUp(t, async () => {});
  Object.assign(jobs, { reclaim: away, claim: away, nextStartMs: away });
  mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  t.teardown(() => mock.timers.reset());
  runner.start();
  for (let second = 0; second < 3600; second++) {
    mock.timers.tick(1000);
    for (let turns = 0; turns < 4; turns++) await turn();
    if (asked > 1000) break;
  }
  t.ok(asked > 230 && asked < 260, `${asked} times`);
  t.equal(runner.trouble, 'the disk is full');
  await runner.stop();
});
