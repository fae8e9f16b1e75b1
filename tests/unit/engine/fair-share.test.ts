import t from 'tap';
import { COMPLETION_TOKEN_WEIGHT, FairShare, PROMPT_TOKEN_WEIGHT } from '../../../src/engine/process/fair-share.js';

t.test('prompt and completion tokens count with their weights', async (t) => {
  const share = new FairShare();
  share.arrived('a');
  share.charge('a', 100, 10);
  t.equal(share.counter('a'), 100 * PROMPT_TOKEN_WEIGHT + 10 * COMPLETION_TOKEN_WEIGHT);
});

t.test('a newcomer starts level with the least served tenant in the queue', async (t) => {
  const share = new FairShare();
  share.arrived('a');
  share.arrived('b');
  share.charge('a', 300, 0);
  share.charge('b', 200, 0);
  share.arrived('c');
  t.equal(share.counter('c'), 200);
});

t.test('a tenant whose requests all have their slots comes back to the level of the queue', async (t) => {
  const share = new FairShare();
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
  const share = new FairShare();
  share.arrived('a');
  share.arrived('b');
  share.charge('b', 500, 0);
  share.arrived('a');
  t.equal(share.counter('a'), 0);
});

t.test('when the queue is empty a newcomer starts level with the last that left it, as of now', async (t) => {
  const share = new FairShare();
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
  const share = new FairShare();
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
  const share = new FairShare(2);
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
