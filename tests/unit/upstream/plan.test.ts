import t from 'tap';
import { planRoute, type ReplicaView } from '../../../src/upstream/plan.js';

const replica = (n: number, changes: Partial<ReplicaView> = {}): ReplicaView => ({
  id: `http://replica-${n}`,
  weight: 1,
  inFlight: 0,
  slots: 8,
  others: 0,
  outstandingTokens: 0,
  has: () => false,
  ...changes,
});
const request = { adapter: 'a', adapterTokens: 0, conversation: 'c', tokens: 100 };
const eight = Array.from({ length: 8 }, (_, n) => replica(n));

t.test('an adapter has one home while that has time, whatever the conversation', async (t) => {
  const homes = Array.from({ length: 20 }, (_, n) => planRoute(eight, { ...request, conversation: `${n}` })!.id);
  t.equal(new Set(homes).size, 1);
});

t.test('a replica that goes moves its own adapters alone', async (t) => {
  const adapters = Array.from({ length: 200 }, (_, n) => `adapter-${n}`);
  const homes = (replicas: readonly ReplicaView[]) =>
    adapters.map((adapter) => planRoute(replicas, { ...request, adapter })!.id);
  const [before, after] = [homes(eight), homes(eight.slice(1))];
  t.equal(new Set(before).size, 8);
  for (const [i, home] of before.entries()) if (home !== eight[0]!.id) t.equal(after[i], home);
});

t.test('without an adapter a conversation has its replica, and conversations spread', async (t) => {
  const homes = Array.from(
    { length: 200 },
    (_, n) => planRoute(eight, { ...request, adapter: null, conversation: `${n % 100}` })!.id,
  );
  t.same(homes.slice(0, 100), homes.slice(100));
  t.equal(new Set(homes).size, 8);
});

t.test('a home with more than its share sends to the next, first to one that has the adapter', async (t) => {
  const home = planRoute(eight, request)!;
  const busy = { inFlight: 7, outstandingTokens: 10_000 };
  const replicas = eight.map((one) => (one === home ? { ...one, ...busy } : one));
  const next = planRoute(replicas, request)!;
  t.not(next.id, home.id);
  const other = replicas.findIndex(({ id }) => id !== home.id && id !== next.id);
  const holds = replicas.map((one, n) => (n === other ? { ...one, has: () => true } : one));
  t.equal(planRoute(holds, request)!.id, replicas[other]!.id);
});

t.test('where all have more than their share, the one with the least to do for its weight answers', async (t) => {
  const replicas = [
    replica(0, { inFlight: 7, outstandingTokens: 900 }),
    replica(1, { inFlight: 7, outstandingTokens: 500, weight: 0.1 }),
    replica(2, { inFlight: 7, outstandingTokens: 1000 }),
  ];
  t.equal(planRoute(replicas, { ...request, tokens: 100_000 })!.id, 'http://replica-0');
});

t.test('what is ejected, drained or full gets nothing', async (t) => {
  t.equal(planRoute([replica(0, { weight: 0 }), replica(1, { inFlight: 8 })], request), null);
  t.equal(planRoute([replica(0, { weight: 0 }), replica(1)], request)!.id, 'http://replica-1');
});

t.test('what others sent there counts as load, and takes no slot', async (t) => {
  const home = planRoute(eight, request)!;
  const beset = eight.map((one) => (one.id === home.id ? { ...one, others: 40, outstandingTokens: 40_000 } : one));
  t.not(planRoute(beset, request)!.id, home.id);
  t.equal(planRoute([{ ...home, others: 40, outstandingTokens: 40_000 }], request)!.id, home.id);
});
