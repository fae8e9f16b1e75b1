import t from 'tap';
import { type Job, JobQueue, LANES } from '../../../src/tokenizer/queue.js';

interface Named extends Job {
  readonly name: string;
}
const short = (tenant: string, name: string): Named => ({ tenant, name, characters: 10 });
const long = (tenant: string, name: string): Named => ({ tenant, name, characters: 100_000 });
const LIMITS = { maxQueued: 4, maxQueuedCharacters: 300_000 };

function takeAll(queue: JobQueue<Named>): string {
  const names: string[] = [];
  for (let job = queue.take(LANES); job; job = queue.take(LANES)) names.push(job.name);
  return names.join(' ');
}

t.test('tenants take turns, and each gets its own jobs in their order', async (t) => {
  const queue = new JobQueue<Named>(LIMITS);
  for (const name of ['a1', 'a2', 'a3', 'a4']) t.ok(queue.add(short('a', name)));
  for (const name of ['b1', 'b2']) t.ok(queue.add(short('b', name)));
  t.equal(queue.size, 6);
  t.equal(takeAll(queue), 'a1 b1 a2 b2 a3 a4');
  t.equal(queue.size, 0);
});

t.test('a tenant is bound by count and by characters, and no other tenant by what it holds', async (t) => {
  const queue = new JobQueue<Named>(LIMITS);
  for (const name of ['a1', 'a2', 'a3', 'a4']) t.ok(queue.add(short('a', name)));
  t.notOk(queue.add(short('a', 'a5')));
  for (const name of ['b1', 'b2', 'b3']) t.ok(queue.add(long('b', name)));
  t.notOk(queue.add(short('b', 'b4')));
  t.ok(queue.add({ ...long('c', 'c1'), characters: 1_000_000 }), 'one alone always has room');
  t.notOk(queue.add(short('c', 'c2')));
  takeAll(queue);
  t.ok(queue.add(short('a', 'a6')), 'what was taken no longer counts');
});

t.test('each lane is taken from where it is asked for, and both by turns', async (t) => {
  const queue = new JobQueue<Named>({ ...LIMITS, maxQueuedCharacters: 1e9 });
  for (const job of [long('a', 'l1'), long('a', 'l2'), short('b', 's1'), short('b', 's2')]) queue.add(job);
  t.equal(queue.take(['short'])?.name, 's1');
  t.equal(takeAll(queue), 'l1 s2 l2');
  queue.add(long('a', 'l3'));
  t.equal(queue.take(['short']), undefined);
  t.equal(queue.take(['long'])?.name, 'l3');
});

t.test('a job that was given up leaves its place', async (t) => {
  const queue = new JobQueue<Named>({ ...LIMITS, maxQueued: 1 });
  const job = short('a', 'a1');
  queue.add(job);
  t.ok(queue.remove(job));
  t.notOk(queue.remove(job));
  t.ok(queue.add(short('a', 'a2')));
  t.same(
    queue.drain().map(({ name }) => name),
    ['a2'],
  );
  t.equal(queue.size, 0);
});
