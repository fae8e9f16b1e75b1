import fc from 'fast-check';
import t from 'tap';
import { planAdapters, type ResidentView } from '../../src/engine/process/adapter-plan.js';

const DIGESTS = ['a', 'b', 'c', 'd', 'e', 'f'];
const waitingOf = fc.array(fc.record({ adapter: fc.constantFrom(null, ...DIGESTS) }), { maxLength: 10 });
const residentsOf = fc
  .tuple(
    fc.shuffledSubarray(DIGESTS, { minLength: 1, maxLength: 4 }),
    fc.array(
      fc.option(
        fc.record({
          state: fc.constantFrom('loading' as const, 'ready' as const, 'ready' as const),
          holders: fc.nat(2),
          usedAt: fc.nat(9),
        }),
      ),
      { minLength: 4, maxLength: 4 },
    ),
  )
  .map(([digests, states]) =>
    digests.map((digest, slot): ResidentView | null => {
      const resident = states[slot]!;
      return resident && { slot, digest, ...resident, holders: resident.state === 'ready' ? resident.holders : 0 };
    }),
  );

t.test('nothing is taken from who uses it, is getting it or needs it first', async () => {
  fc.assert(
    fc.property(waitingOf, residentsOf, fc.nat(10), (waiting, residents, lookAhead) => {
      const { loads, draining } = planAdapters(waiting, residents, lookAhead);
      const seen = waiting.slice(0, lookAhead).map(({ adapter }) => adapter);
      const firstNeed = (digest: string) => (seen.includes(digest) ? seen.indexOf(digest) : seen.length);
      const isResident = (digest: string) => residents.some((resident) => resident?.digest === digest);
      const slots = loads.map(({ slot }) => slot);
      const evicted = residents.filter((resident) => resident && slots.includes(resident.slot));
      return (
        new Set(slots).size === slots.length &&
        new Set(loads.map(({ digest }) => digest)).size === loads.length &&
        loads.every(({ digest, slot }) => {
          const before = residents[slot];
          if (!seen.includes(digest)) return false;
          if (isResident(digest) && !evicted.some((resident) => resident?.digest === digest)) return false;
          if (before === null || before === undefined) return before === null;
          return before.state === 'ready' && before.holders === 0 && firstNeed(before.digest) > firstNeed(digest);
        }) &&
        draining.size <= 1 &&
        [...draining].every((digest) => {
          const { state, holders } = residents.find((resident) => resident?.digest === digest)!;
          return (state === 'loading' || holders > 0) && firstNeed(digest) > 0;
        })
      );
    }),
    { numRuns: 3000 },
  );
});

t.test('the first in the order has its adapter, gets it now, or something makes room for it', async () => {
  fc.assert(
    fc.property(waitingOf, residentsOf, (waiting, residents) => {
      const { loads, draining } = planAdapters(waiting, residents, 10);
      const first = waiting.find(({ adapter }) => adapter !== null)?.adapter;
      if (first === undefined || first === null) return loads.length === 0 && draining.size === 0;
      const has = residents.find((resident) => resident?.digest === first);
      if (has) return !draining.has(first) && !loads.some(({ slot }) => slot === has.slot);
      const isFree = (resident: ResidentView | null) =>
        resident === null || (resident.state === 'ready' && resident.holders === 0);
      return residents.some(isFree) ? loads[0]?.digest === first : draining.size > 0;
    }),
    { numRuns: 3000 },
  );
});

interface Request {
  readonly adapter: string;
  /** Turns that it runs. */
  readonly turns: number;
}

/** Turns in which each request stood first in the queue; hot ones keep coming behind it, for an adapter in the bank. */
function turnsAtTheHead(requests: readonly Request[], bankSlots: number, rows: number, loadTurns: number): number[] {
  type Resident = { slot: number; digest: string; state: 'loading' | 'ready'; holders: number; usedAt: number };
  const bank = new Array<(Resident & { readyAt: number }) | null>(bankSlots).fill(null);
  let running: { resident: Resident; endsAt: number }[] = [];
  let queue = requests.map((request) => ({ ...request, hot: false }));
  const atTheHead: number[] = [];
  let headTurns = 0;
  for (let now = 0; queue.some(({ hot }) => !hot); now++) {
    if (headTurns > 10_000) throw new Error('the first in the queue waits for ever');
    for (const { resident } of running.filter(({ endsAt }) => endsAt === now)) {
      resident.holders--;
      resident.usedAt = now;
    }
    running = running.filter(({ endsAt }) => endsAt > now);
    for (const resident of bank) if (resident && resident.readyAt <= now) resident.state = 'ready';
    const hottest = bank.reduce((a, b) => ((b?.holders ?? 0) > (a?.holders ?? 0) ? b : a), null);
    if (hottest) queue.push({ adapter: hottest.digest, turns: 3, hot: true });

    const { loads, draining } = planAdapters(queue, bank, 4);
    for (const { digest, slot } of loads) {
      bank[slot] = { slot, digest, state: 'loading', holders: 0, usedAt: now, readyAt: now + loadTurns };
    }
    const [head] = queue;
    queue = queue.filter((request) => {
      const resident = bank.find((candidate) => candidate?.digest === request.adapter);
      if (running.length === rows || resident?.state !== 'ready' || draining.has(request.adapter)) return true;
      resident.holders++;
      running.push({ resident, endsAt: now + request.turns });
      return false;
    });
    headTurns++;
    if (queue[0] === head) continue;
    if (!head!.hot) atTheHead.push(headTurns);
    headTurns = 0;
  }
  return atTheHead;
}

t.test('whoever is first in the queue gets its turn, though hot requests for other adapters never cease', async () => {
  const requestsOf = fc.array(
    fc.record({ adapter: fc.constantFrom(...DIGESTS), turns: fc.integer({ min: 1, max: 9 }) }),
    { minLength: 1, maxLength: 10 },
  );
  const small = fc.integer({ min: 1, max: 4 });
  fc.assert(
    fc.property(requestsOf, small, small, fc.nat(3), (requests, bankSlots, rows, loadTurns) => {
      // Each running request ends within 9 turns, and the fewest of a slot only become fewer.
      const longest = 9 * rows * bankSlots + loadTurns + 9 + 1;
      return turnsAtTheHead(requests, bankSlots, rows, loadTurns).every((turns) => turns <= longest);
    }),
    { numRuns: 1000 },
  );
});
