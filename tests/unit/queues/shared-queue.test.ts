import t from 'tap';
import { SharedQueue } from '../../../src/queues/shared-queue.js';

function queueOf({ served = 0, waiting = 8, bytes = 1000 } = {}) {
  const queue = new SharedQueue({ served, waiting, bytes });
  const sentAway: string[] = [];
  const enter = (tenant: string, name = tenant, size = 1) =>
    queue.enter(tenant, size, ({ code }) => sentAway.push(`${name}: ${code}`));
  return { enter, sentAway, requireRoom: (tenant: string) => queue.requireRoom(tenant) };
}

t.test('one tenant fills half of the queue at most, and the others still get in', async (t) => {
  const { enter, sentAway } = queueOf();
  for (let n = 0; n < 4; n++) enter('flood');
  t.throws(() => enter('flood'), { code: 'queue_full', message: /4 requests.*Retry after 1 s/ });
  for (const tenant of ['a', 'b', 'c', 'd']) enter(tenant);
  t.same(sentAway, []);
});

t.test('in a full queue the longest gives way with its newest request', async (t) => {
  const { enter, sentAway } = queueOf();
  for (const n of [1, 2, 3, 4]) enter('flood', `flood ${n}`);
  for (const n of [1, 2, 3, 4]) enter('other', `other ${n}`);
  enter('newcomer');
  t.equal(sentAway.length, 1);
  t.match(sentAway[0], /^(flood|other) 4: queue_full$/);
  enter('newcomer');
  t.same(sentAway.toSorted(), ['flood 4: queue_full', 'other 4: queue_full']);
  t.throws(() => enter('newcomer'), { code: 'queue_full' }, 'its own queue is as long as any: nobody is sent away');
  t.equal(sentAway.length, 2);
});

t.test('a request that is being served gives way to nobody', async (t) => {
  const { enter, sentAway } = queueOf({ served: 2, waiting: 2 });
  const places = [1, 2, 3].map((n) => enter('flood', `flood ${n}`));
  for (const place of places) place.served();
  enter('a');
  t.throws(() => enter('a', 'a 2'), { code: 'queue_full' });
  t.throws(() => enter('b'), { code: 'queue_full' }, 'those who wait are not more than it');
  t.same(sentAway, []);
});

t.test('who asks whether there is room is told what would become of its next request, and takes none', async (t) => {
  const { enter, sentAway, requireRoom } = queueOf({ bytes: 100 });
  for (let n = 0; n < 3; n++) enter('flood');
  for (let n = 0; n < 9; n++) requireRoom('flood');
  enter('flood');
  t.throws(() => requireRoom('flood'), { code: 'queue_full', message: /4 requests/ }, 'its own part is full');
  for (let n = 0; n < 4; n++) enter('other', 'other', 10);
  requireRoom('newcomer');
  t.same(sentAway, [], 'somebody would give way, and does not yet');
  enter('newcomer');
  t.equal(sentAway.length, 1);
  enter('newcomer');
  t.throws(() => requireRoom('newcomer'), { code: 'queue_full', message: /8 requests/ }, 'it would be the longest');
});

t.test('bytes count like requests', async (t) => {
  const { enter, sentAway } = queueOf({ waiting: 100, bytes: 1000 });
  const place = enter('flood', 'flood 1', 300);
  t.throws(() => enter('flood', 'flood 2', 300), { message: /500 bytes/ });
  place.leave();
  place.leave();
  enter('flood', 'flood 3', 400);
  enter('other', 'other 1', 250);
  enter('other', 'other 2', 250);
  enter('small', 'small', 150);
  t.same(sentAway, ['other 2: queue_full']);
});

t.test('what waits alone is never too large', async (t) => {
  const { enter, sentAway } = queueOf({ bytes: 1000 });
  enter('a', 'large', 5000).leave();
  enter('a', 'small', 10);
  t.throws(() => enter('a', 'large', 5000), { message: /500 bytes/ });
  t.same(sentAway, []);
});
