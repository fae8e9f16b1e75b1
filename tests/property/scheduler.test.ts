import fc from 'fast-check';
import t from 'tap';
import { groupByAdapter } from '../../src/engine/process/lora-groups.js';
import { admit, type SlotView, type StepPlan, schedule } from '../../src/engine/process/scheduler.js';

const CONTEXT = 64;

interface Request {
  readonly id: number;
  readonly promptTokens: number;
  readonly newTokens: number;
}

const requestsOf = fc
  .array(fc.record({ promptTokens: fc.integer({ min: 1, max: 60 }), newTokens: fc.integer({ min: 1, max: 20 }) }), {
    maxLength: 12,
  })
  .map((list) =>
    list.map(
      ({ promptTokens, newTokens }, id): Request => ({
        id,
        promptTokens,
        newTokens: Math.min(newTokens, CONTEXT - promptTokens),
      }),
    ),
  );

/** Runs the plans over slots that record which request wrote which position; fillers write junk. */
function simulate(requests: readonly Request[], slotCount: number, chunk: number) {
  const slots = new Array<(SlotView & { sampled: number; cachedTokens: number }) | null>(slotCount).fill(null);
  const memory = Array.from({ length: slotCount }, () => new Array<string>(CONTEXT).fill(''));
  const finished: number[] = [];
  const waits: number[] = [];
  const sinceDecode = new Map<number, number>();
  let waiting = requests.map(({ id }) => ({ id, ready: true }));
  let previous: StepPlan['kind'] = 'idle';
  let admissions = 0;
  for (let step = 0; step < 5000; step++) {
    for (const { id, slot } of admit(waiting, slots)) {
      const { promptTokens } = requests[id]!;
      slots[slot] = { id, admission: admissions++, promptTokens, cachedTokens: 0, sampled: 0 };
      waiting = waiting.filter((entry) => entry.id !== id);
    }
    const plan = schedule({ slots, previous }, chunk);
    previous = plan.kind;
    if (plan.kind === 'idle') return { finished, waits, memory };
    const sample = (slot: number) => {
      const row = slots[slot]!;
      row.sampled++;
      sinceDecode.set(row.id, 0);
      if (row.sampled < requests[row.id]!.newTokens) return;
      const expected = Array.from({ length: row.cachedTokens }, (_, i) => `${row.id}:${i}`);
      if (memory[slot]!.slice(0, row.cachedTokens).join() !== expected.join()) throw new Error('foreign KV');
      finished.push(row.id);
      sinceDecode.delete(row.id);
      slots[slot] = null;
    };
    if (plan.kind === 'prefill') {
      for (const id of sinceDecode.keys()) sinceDecode.set(id, sinceDecode.get(id)! + 1);
      waits.push(...sinceDecode.values());
      const row = slots[plan.slot]!;
      for (let i = 0; i < plan.tokens; i++) memory[plan.slot]![plan.start + i] = `${row.id}:${plan.start + i}`;
      row.cachedTokens += plan.tokens;
      if (plan.last) sample(plan.slot);
    } else {
      plan.rows.forEach(({ id, position }, i) => {
        if (position >= CONTEXT) throw new Error('write past the slot');
        memory[plan.firstSlot + i]![position] = id === null ? 'junk' : `${id}:${position}`;
      });
      plan.rows.forEach(({ id }, i) => {
        if (id === null) return;
        slots[plan.firstSlot + i]!.cachedTokens++;
        sample(plan.firstSlot + i);
      });
    }
  }
  throw new Error('the engine never came to rest');
}

t.test('every request ends over its own keys and values, with any mix, slot count and chunk', async () => {
  fc.assert(
    fc.property(
      requestsOf,
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 70 }),
      (requests, slots, chunk) => {
        const { finished, waits } = simulate(requests, slots, chunk);
        return finished.length === requests.length && waits.every((chunks) => chunks <= 1);
      },
    ),
  );
});

t.test('each token comes back from its own place in the group of its adapter', async () => {
  const rowsOf = fc.array(fc.option(fc.nat(7)), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(rowsOf, fc.integer({ min: 1, max: 5 }), (rows, tokensPerRow) => {
      const { firstSlot, slots, places, gather, back } = groupByAdapter(rows, tokensPerRow);
      const real = back.filter((place) => place < slots * places);
      return (
        new Set(real).size === real.length &&
        back.every((place, token) => {
          const adapter = rows[Math.floor(token / tokensPerRow)]!;
          if (adapter === null) return place === slots * places;
          return gather[place] === token && firstSlot + Math.floor(place / places) === adapter;
        })
      );
    }),
  );
});
