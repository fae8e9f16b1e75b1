import t from 'tap';
import type { Pace } from '../../../../src/retrieval/process/pace.js';
import { createWorkQueue } from '../../../../src/retrieval/process/queue.js';
import { unhurried } from '../../../fixtures/retrieval/pace.js';

t.test('searches go before embeddings, and both before background work', async (t) => {
  const queue = createWorkQueue(...unhurried);
  const order: string[] = [];
  const job = (name: string) => async () => {
    order.push(name);
  };
  await Promise.all([
    queue.run('background', 'bank', job('first: nothing else waited')),
    queue.run('background', 'bank', job('background 1')),
    queue.run('background', 'bank', job('background 2')),
    queue.run('embed', 'bank', job('embed')),
    queue.run('search', 'bank', job('search 1')),
    queue.run('search', 'bank', job('search 2')),
  ]);
  t.same(order, ['first: nothing else waited', 'search 1', 'search 2', 'embed', 'background 1', 'background 2']);
});

t.test('a search that arrives during ingestion waits for one batch only', async (t) => {
  const queue = createWorkQueue(...unhurried);
  const order: string[] = [];
  const batches = Array.from({ length: 5 }, (_, n) => queue.run('background', 'bank', () => order.push(`batch ${n}`)));
  await batches[1];
  await queue.run('search', 'bank', () => order.push('search'));
  await Promise.all(batches);
  t.ok(order.indexOf('search') <= 3, order.join(', '));
});

t.test('one job runs at a time', async (t) => {
  const queue = createWorkQueue(...unhurried);
  let running = 0;
  const job = async () => {
    running += 1;
    t.equal(running, 1);
    await new Promise((resolve) => setImmediate(resolve));
    running -= 1;
  };
  await Promise.all([
    queue.run('search', 'bank', job),
    queue.run('background', 'bank', job),
    queue.run('embed', 'bank', job),
  ]);
});

t.test('an aborted job does not run, and one that fails fails alone', async (t) => {
  const queue = createWorkQueue(...unhurried);
  const controller = new AbortController();
  const first = queue.run('search', 'bank', () => 1);
  const aborted = queue.run('search', 'bank', () => t.fail('it ran'), controller.signal);
  const failed = queue.run('search', 'bank', () => {
    throw new Error('broken');
  });
  const last = queue.run('search', 'bank', () => 4);
  controller.abort();
  await t.rejects(aborted, { name: 'AbortError' });
  await t.rejects(failed, { message: 'broken' });
  t.same(await Promise.all([first, last]), [1, 4]);
});

t.test('within a lane the tenants have turns', async (t) => {
  const queue = createWorkQueue(...unhurried);
  const order: string[] = [];
  const search = (tenant: string, n: number) => queue.run('search', tenant, () => order.push(`${tenant} ${n}`));
  await Promise.all([...[1, 2, 3, 4].map((n) => search('flood', n)), search('other', 1), search('other', 2)]);
  t.same(order, ['flood 1', 'flood 2', 'other 1', 'flood 3', 'other 2', 'flood 4']);
});

t.test('a flood of searches does not stop what comes behind them', async (t) => {
  const queue = createWorkQueue(...unhurried);
  const order: string[] = [];
  const lanes = { search: 20, embed: 2, background: 2 };
  await Promise.all(
    Object.entries(lanes).flatMap(([lane, jobs]) =>
      Array.from({ length: jobs }, () => queue.run(lane as 'search', 'bank', () => order.push(lane))),
    ),
  );
  t.ok(order.lastIndexOf('background') < 15, order.join(', '));
  t.ok(order.lastIndexOf('embed') < 15, order.join(', '));
});

/** A pace by hand: who uses much, and until when each tenant pauses. */
function paceOf(greedy: string[], readyAt: Record<string, number> = {}): Pace {
  return {
    ...unhurried[0],
    isWithin: (tenant) => !greedy.includes(tenant),
    readyAtMs: (tenant) => readyAt[tenant] ?? 0,
  };
}
const nowMs = () => performance.now();

t.test('who pauses is passed by the others, and goes on by itself when its pause is over', async (t) => {
  const queue = createWorkQueue(paceOf(['flood'], { flood: nowMs() + 30 }), nowMs);
  const order: string[] = [];
  const startedMs = nowMs();
  const flood = queue.run('search', 'flood', () => order.push('flood'));
  await queue.run('background', 'person', () => order.push('person'));
  await flood;
  t.same(order, ['person', 'flood']);
  t.ok(nowMs() - startedMs >= 29);
});

t.test('while somebody who uses little writes, those who use much begin nothing', async (t) => {
  const queue = createWorkQueue(paceOf(['flood']), nowMs);
  const order: string[] = [];
  let end = () => {};
  const written = queue.write('person', () => new Promise<void>((resolve) => (end = resolve)));
  const flood = queue.run('search', 'flood', () => order.push('flood'));
  await queue.run('search', 'other', () => order.push('other'));
  end();
  await written;
  order.push('written');
  await flood;
  t.same(order, ['other', 'written', 'flood']);
});

t.test('an index is built however much its tenant searches', async (t) => {
  const queue = createWorkQueue(paceOf(['flood'], { flood: nowMs() + 10_000 }), nowMs);
  t.equal(await queue.run('background', 'flood', () => 'built'), 'built');
});

t.test('a disk that takes long does not hold them up for ever', async (t) => {
  const queue = createWorkQueue(paceOf(['flood']), nowMs);
  let end = () => {};
  const written = queue.write('person', () => new Promise<void>((resolve) => (end = resolve)));
  t.equal(await queue.run('search', 'flood', () => 'done'), 'done');
  end();
  await written;
});

t.test('writes go one at a time, the tenants in turns', async (t) => {
  const queue = createWorkQueue(...unhurried);
  const order: string[] = [];
  const write = (tenant: string, n: number) =>
    queue.write(tenant, async () => {
      order.push(`${tenant} ${n}`);
      await new Promise((resolve) => setImmediate(resolve));
      order.push('end');
    });
  await Promise.all([write('flood', 1), write('flood', 2), write('flood', 3), write('person', 1)]);
  t.same(order, ['flood 1', 'end', 'flood 2', 'end', 'person 1', 'end', 'flood 3', 'end']);
});
