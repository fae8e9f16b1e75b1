import t from 'tap';
import { COMPLETION_TOKEN_WEIGHT, FairShare, PROMPT_TOKEN_WEIGHT } from '../../../src/engine/process/fair-share.js';

t.test('prompt and completion tokens count with their weights', async (t) => {
  const share = new FairShare(() => 0, { credit: 0 });
  share.arrived('a');
  share.charge('a', 100, 10);
  t.equal(share.counter('a'), 100 * PROMPT_TOKEN_WEIGHT + 10 * COMPLETION_TOKEN_WEIGHT);
});

t.test('a newcomer starts level with the least served tenant in the queue', async (t) => {
  const share = new FairShare(() => 0, { credit: 0 });
  share.arrived('a');
  share.arrived('b');
  share.charge('a', 300, 0);
  share.charge('b', 200, 0);
  share.arrived('c');
  t.equal(share.counter('c'), 200);
});

t.test('a tenant whose requests all have their slots comes back to the level of the queue', async (t) => {
  const share = new FairShare(() => 0, { credit: 0 });
  share.arrived('a');
  share.left('a');
  share.arrived('b');
  share.charge('b', 500, 0);
  share.charge('a', 7, 0);
  t.equal(share.counter('a'), 7);
  share.arrived('a');
  t.equal(share.counter('a'), 500);
});

t.test('a tenant with a request in the queue is not lifted by its next one', async (t) => {
  const share = new FairShare(() => 0, { credit: 0 });
  share.arrived('a');
  share.arrived('b');
  share.charge('b', 500, 0);
  share.arrived('a');
  t.equal(share.counter('a'), 0);
});

t.test('when the queue is empty a newcomer starts level with the last that left it, as of now', async (t) => {
  const share = new FairShare(() => 0, { credit: 0 });
  share.arrived('a');
  share.arrived('b');
  share.left('b');
  share.left('a');
  share.charge('a', 40, 30);
  share.charge('b', 1000, 0);
  share.arrived('c');
  t.equal(share.counter('c'), 100);
});

t.test('who has been served more than the level keeps its counter', async (t) => {
  const share = new FairShare(() => 0, { credit: 0 });
  share.arrived('a');
  share.charge('a', 900, 0);
  share.left('a');
  share.arrived('b');
  share.left('b');
  share.arrived('c');
  share.charge('a', 50, 0);
  share.arrived('a');
  t.equal(share.counter('a'), 950);
});

t.test('of the tenants that queue for nothing the least served is forgotten, and the level rises to it', async (t) => {
  const share = new FairShare(() => 0, { credit: 0, remembered: 2 });
  for (const [tenant, tokens] of [
    ['a', 30],
    ['b', 20],
  ] as const) {
    share.charge(tenant, tokens, 0);
  }
  share.arrived('c');
  t.equal(share.counter('c'), 20);
  t.equal(share.counter('b'), 20, 'b starts where it was when it was forgotten');
  t.equal(share.counter('a'), 30);
});

t.test('who was away comes back with a credit, and no more of them with each that comes back', async (t) => {
  const share = new FairShare(() => 0, { credit: 100 });
  share.arrived('flood');
  share.charge('flood', 5000, 0);
  share.arrived('a');
  share.arrived('b');
  t.same(
    ['a', 'b', 'c'].map((tenant) => share.counter(tenant)),
    [4900, 4900, 4900],
  );
  share.left('a');
  share.charge('a', 90, 0);
  share.arrived('a');
  t.equal(share.counter('a'), 4990, 'what it used of it is gone');
  share.left('a');
  share.left('b');
  share.charge('flood', 1000, 0);
  share.arrived('a');
  t.equal(share.counter('a'), 5900);
});

t.test(
  'while nobody queues the level rises with time, so that what is used of an idle machine costs no credit',
  async (t) => {
    let nowMs = 0;
    const share = new FairShare(() => nowMs, { credit: 1000 });
    for (let asked = 0; asked < 10; asked++) {
      share.arrived('person');
      share.left('person');
      share.charge('person', 200, 0);
      nowMs += 1000;
    }
    share.arrived('flood');
    share.arrived('person');
    t.equal(share.counter('flood'), share.counter('person'), 'neither has used of its credit before');
    nowMs += 60_000;
    share.arrived('other');
    t.equal(share.counter('other'), share.counter('flood'), 'while somebody queues it rises with what is computed');
  },
);
