import t from 'tap';
import { createWorkQueue } from '../../../../src/retrieval/process/queue.js';

t.test('searches go before embeddings, and both before background work', async (t) => {
  const queue = createWorkQueue();
  const order: string[] = [];
  const job = (name: string) => async () => {
    order.push(name);
  };
  await Promise.all([
    queue.run('background', job('first: nothing else waited')),
    queue.run('background', job('background 1')),
    queue.run('background', job('background 2')),
    queue.run('embed', job('embed')),
    queue.run('search', job('search 1')),
    queue.run('search', job('search 2')),
  ]);
  t.same(order, ['first: nothing else waited', 'search 1', 'search 2', 'embed', 'background 1', 'background 2']);
});

t.test('a search that arrives during ingestion waits for one batch only', async (t) => {
  const queue = createWorkQueue();
  const order: string[] = [];
  const batches = Array.from({ length: 5 }, (_, n) => queue.run('background', () => order.push(`batch ${n}`)));
  await batches[1];
  await queue.run('search', () => order.push('search'));
  await Promise.all(batches);
  t.ok(order.indexOf('search') <= 3, order.join(', '));
});

t.test('one job runs at a time', async (t) => {
  const queue = createWorkQueue();
  let running = 0;
  const job = async () => {
    running += 1;
    t.equal(running, 1);
    await new Promise((resolve) => setImmediate(resolve));
    running -= 1;
  };
  await Promise.all([queue.run('search', job), queue.run('background', job), queue.run('embed', job)]);
});

t.test('an aborted job does not run, and one that fails fails alone', async (t) => {
  const queue = createWorkQueue();
  const controller = new AbortController();
  const first = queue.run('search', () => 1);
  const aborted = queue.run('search', () => t.fail('it ran'), controller.signal);
  const failed = queue.run('search', () => {
    throw new Error('broken');
  });
  const last = queue.run('search', () => 4);
  controller.abort();
  await t.rejects(aborted, { name: 'AbortError' });
  await t.rejects(failed, { message: 'broken' });
  t.same(await Promise.all([first, last]), [1, 4]);
});
