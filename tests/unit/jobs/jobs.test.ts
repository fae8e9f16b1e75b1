import { Kysely, SqliteDialect } from 'kysely';
import t, { type Test } from 'tap';
import { backoffMs } from '../../../src/jobs/backoff.js';
import { completeJob, createJobs, endJob, enqueueJob, overcomeRisk } from '../../../src/jobs/jobs.js';
import { JOBS_SCHEMA, type JobTables } from '../../../src/jobs/table.js';
import { timeLeftMs } from '../../../src/jobs/time-left.js';
import { openSqlite } from '../../../src/sqlite/open.js';
import { watchStatements } from '../../fixtures/sqlite/statements.js';

const PAGE = { limit: 10, after: null, order: 'asc' } as const;

function setUp(t: Test) {
  const database = openSqlite(`${t.testdir()}/jobs.db`);
  database.exec(JOBS_SCHEMA);
  const db = new Kysely<JobTables>({ dialect: new SqliteDialect({ database }) });
  t.teardown(() => db.destroy());
  const jobs = createJobs(db);
  const add = (tenant: string, subject: string, size = 100) =>
    enqueueJob(db, { kind: 'ingest', tenant, subject, size }, 1000);
  const claim = (nowMs: number, { holder = 'a', afterTenant = '', except = [] as string[] } = {}) =>
    jobs.claim('ingest', { holder, afterTenant, except, leaseMs: 100, nowMs });
  const all = async (tenant: string) => (await jobs.list(tenant, PAGE, {}, 4)).items;
  return { db, jobs, add, claim, all };
}

t.test('tenants take turns, and within one the oldest job goes first', async (t) => {
  const { add, claim } = setUp(t);
  for (const subject of ['b1', 'b2']) await add('b', subject);
  for (const subject of ['a1', 'a2']) await add('a', subject);
  t.match(await claim(1000), { tenant: 'a', subject: 'a1', attempt: 1 });
  t.match(await claim(1000, { afterTenant: 'a' }), { subject: 'b1' });
  t.match(await claim(1000, { afterTenant: 'b', except: ['a'] }), { subject: 'b2' });
  t.match(await claim(1000, { afterTenant: 'b' }), { subject: 'a2' });
  t.equal(await claim(1000), null, 'all are held');
});

t.test('a job whose holder died is taken again once its lease is over, and the dead one ends nothing', async (t) => {
  const { db, jobs, add, claim, all } = setUp(t);
  await add('a', 'a1');
  const dead = (await claim(1000))!;
  t.equal(await jobs.nextStartMs('ingest', []), 1100);
  t.equal(await claim(1099, { holder: 'b' }), null);
  t.same([...(await jobs.renew('a', new Map([[dead.seq, 0.5]]), 1200))], [dead.seq]);
  t.match(await all('a'), [{ status: 'running', progress: 0.5, attempts: 1 }]);
  t.equal(await claim(1100, { holder: 'b' }), null, 'it was renewed');
  const next = (await claim(1200, { holder: 'b' }))!;
  t.match(next, { subject: 'a1', attempt: 2 });
  t.match(await all('a'), [{ progress: 0 }]);
  t.same([...(await jobs.renew('a', new Map(), 1300))], [], 'it is not the dead one’s any more');
  t.equal(await completeJob(db, dead, 1250), false);
  t.equal(await jobs.fail(dead, { code: 'x', message: 'y' }, 1250), false);
  await jobs.release(dead);
  t.equal(await completeJob(db, next, 1250), true);
  t.match(await all('a'), [{ status: 'completed', progress: 1, finishedAt: 1250, error: null, leftMs: null }]);
});

t.test(
  'leases of holders that are known to be dead end at once, and their jobs wait the longer the more often',
  async (t) => {
    const { jobs, add, claim, all } = setUp(t);
    await add('a', 'a1');
    await claim(1000);
    await jobs.reclaim('ingest', 'b', 1010);
    t.match(await all('a'), [{ status: 'queued', attempts: 1 }]);
    t.equal(await claim(1010 + backoffMs(1) - 1), null);
    const second = (await claim(1010 + backoffMs(1)))!;
    t.match(second, { attempt: 2, deaths: 0 }, 'nothing says that it was the cause');
    await jobs.risk(second);
    t.match(await claim(2000), { attempt: 3, deaths: 1 });
    t.ok(backoffMs(3) > backoffMs(2));
    t.equal(backoffMs(100), backoffMs(50));
  },
);

t.test('what is interrupted costs no attempt, what fails for a passing reason waits', async (t) => {
  const { jobs, add, claim, all } = setUp(t);
  await add('a', 'a1');
  const first = (await claim(1000))!;
  await jobs.risk(first);
  await jobs.release(first);
  const second = (await claim(1000))!;
  t.match(second, { attempt: 1, deaths: 0 });
  await jobs.retry(second, { code: 'storage_unavailable', message: 'busy' }, 1000);
  t.match(await all('a'), [{ status: 'queued', error: { code: 'storage_unavailable' } }]);
  t.equal(await claim(1000), null);
  t.match(await claim(1000 + backoffMs(1)), { attempt: 2 });
});

t.test('deaths count that nothing of the job came through after', async (t) => {
  const { db, jobs, add, claim } = setUp(t);
  await add('a', 'a1');
  for (const deaths of [0, 1]) {
    const dying = (await claim(1000 + 100 * deaths))!;
    t.equal(dying.deaths, deaths);
    await jobs.risk(dying);
  }
  const lease = (await claim(2000))!;
  t.equal(lease.deaths, 2);
  await jobs.risk(lease);
  t.equal(await overcomeRisk(db, { ...lease, holder: 'b' }), false);
  t.equal(await overcomeRisk(db, lease), true);
  await jobs.release(lease);
  const next = (await claim(2000))!;
  t.equal(next.deaths, 0, 'nor are those of before counted again where it is given back');
  await jobs.risk(next);
  t.equal((await claim(3000))!.deaths, 1, 'the next part is risked anew');
});

t.test('a job is called off once, by its tenant alone, and its holder learns of it', async (t) => {
  const { db, jobs, add, claim, all } = setUp(t);
  await add('a', 'a1');
  const lease = (await claim(1000))!;
  const [{ id } = { id: '' }] = await all('a');
  await t.rejects(jobs.cancel('b', id, 1001), { code: 'not_found' });
  await jobs.cancel('a', id, 1001);
  t.match(await jobs.get('a', id, 4), { status: 'cancelled', finishedAt: 1001 });
  t.same([...(await jobs.renew('a', new Map(), 2000))], []);
  t.equal(await completeJob(db, lease, 1002), false);
  await endJob(db, lease.seq, { code: 'x', message: 'y' }, 1003);
  t.match(await jobs.get('a', id, 4), { status: 'cancelled' });
  await t.rejects(jobs.get('b', id, 4), { code: 'not_found' });
});

t.test('one unfinished job a subject, listed by state, counted, and forgotten in the end', async (t) => {
  const { db, jobs, add, claim, all } = setUp(t);
  for (const _ of [1, 2]) await add('a', 'a1');
  await add('a', 'a2');
  t.same(await jobs.counts(), [{ kind: 'ingest', status: 'queued', jobs: 2 }]);
  await completeJob(db, (await claim(1000))!, 1500);
  await add('a', 'a1');
  t.same(
    (await all('a')).map(({ subject, status }) => [subject, status]),
    [
      ['a1', 'completed'],
      ['a2', 'queued'],
      ['a1', 'queued'],
    ],
  );
  t.equal((await jobs.list('a', PAGE, { status: 'completed', kind: 'ingest' }, 4)).items.length, 1);
  const first = await jobs.list('a', { ...PAGE, limit: 2 }, {}, 4);
  t.ok(first.hasMore);
  t.equal((await jobs.list('a', { ...PAGE, after: first.items[1]!.id }, {}, 4)).items.length, 1);
  await jobs.prune(1501);
  t.equal((await all('a')).length, 2);
});

t.test('a list asks the database as often for many jobs as for few', async (t) => {
  const { add, all } = setUp(t);
  const statements = watchStatements(t);
  const asked = async () => {
    statements.length = 0;
    await all('a');
    return statements.length;
  };
  await add('a', 'a1');
  const few = await asked();
  for (const subject of ['a2', 'a3', 'a4']) await add('a', subject);
  t.equal(await asked(), few);
});

t.test('the time left follows the pace so far, the work before it, and how many share the machine', async (t) => {
  const { db, add, claim, all } = setUp(t);
  await add('a', 'a1', 100);
  await add('a', 'a2', 300);
  await add('b', 'b1', 300);
  t.match(await all('a'), [{ leftMs: null }, { leftMs: null }], 'nothing is known yet');
  await completeJob(db, (await claim(1000))!, 2000);
  t.match(await all('a'), [{ leftMs: null }, { leftMs: 3000 }]);
  t.equal(timeLeftMs({ size: 10, durationMs: 10 }, { size: 50, tenants: 8, atOnce: 4 }), 100);
});
