import t, { type Test } from 'tap';
import { openSqlite } from '../../../src/sqlite/open.js';
import { createVersions } from '../../../src/sqlite/versions.js';

function setUp(t: Test) {
  const file = `${t.testdir({})}/things.db`;
  const [own, other, thread] = [openSqlite(file), openSqlite(file), openSqlite(file)];
  own.exec('create table things (id integer primary key) strict');
  t.teardown(() => {
    for (const one of [own, other, thread]) one.close();
  });
  let next = 1;
  let wrote = false;
  const versions = createVersions(own, () => {
    const has = wrote;
    wrote = false;
    return has;
  });
  const others = createVersions(other, () => false);
  const change = async (database: typeof own, mark: () => Promise<void>, end = 'commit') => {
    database.exec('begin');
    database.prepare('insert into things values (?)').run(next++);
    await mark();
    database.exec(end);
  };
  const unmarked = async () => {};
  return {
    versions,
    byOwn: (end?: string) => change(own, versions.mark, end),
    byOther: () => change(other, others.mark),
    byStranger: () => change(other, unmarked),
    async byThread() {
      await change(thread, unmarked);
      wrote = true;
    },
  };
}

t.test('what the thread and this connection write changes nothing; what somebody else writes does', async (t) => {
  const { versions, byOwn, byOther, byThread, byStranger } = setUp(t);
  const isOther = (before: number) => versions.outer() !== before;
  let before = versions.outer();
  await byThread();
  await byOwn();
  await byThread();
  t.notOk(isOther(before));
  await byOther();
  t.ok(isOther(before));
  before = versions.outer();
  t.notOk(isOther(before), 'told once');
  await byStranger();
  t.ok(isOther(before), 'marked or not, where the thread wrote nothing');
});

t.test('somebody else is seen between two writes of the thread, and before one of this connection', async (t) => {
  const { versions, byOwn, byOther, byThread } = setUp(t);
  let before = versions.outer();
  await byThread();
  await byOther();
  await byThread();
  t.not(versions.outer(), before);
  before = versions.outer();
  await byThread();
  await byOther();
  await byOwn();
  await byThread();
  t.not(versions.outer(), before);
});

t.test('what is undone hides nobody', async (t) => {
  const { versions, byOwn, byOther, byThread } = setUp(t);
  await byOwn('rollback');
  const before = versions.outer();
  await byThread();
  await byOther();
  await byThread();
  t.not(versions.outer(), before);
});
