import t from 'tap';
import type { Priority } from '../../../src/contracts/generator.js';
import {
  admit,
  asideFor,
  batchSlots,
  fairOrder,
  planStep,
  type SlotView,
  type WaitingView,
} from '../../../src/engine/process/plan.js';
import { plainCost } from '../../fixtures/engine/step-cost.js';

/** A token of a prompt takes a millisecond, the answers nothing. */
const BUDGET = { stepMs: 64, idleStepMs: 256 };
const LIMITS = { slots: 2, reservedSlots: 1 };
const level = () => 0;
const ready = () => true;

const row = (id: number, promptTokens: number, cachedTokens: number, rest: Partial<SlotView> = {}): SlotView => ({
  id,
  tenant: `tenant-${id}`,
  priority: 'interactive',
  arrival: id,
  promptTokens,
  cachedTokens,
  drafted: 0,
  stoodAsideMs: 0,
  ...rest,
});
const request = (id: number, rest: Partial<WaitingView> = {}): WaitingView => ({
  id,
  tenant: `tenant-${id}`,
  priority: 'interactive',
  arrival: id,
  adapter: null,
  ...rest,
});

t.test('order is by priority, then by service of the tenant, then by arrival', async (t) => {
  const served = new Map([
    ['much', 900],
    ['little', 3],
  ]);
  const of = (tenant: string, priority: Priority, arrival: number) => ({ tenant, priority, arrival });
  const order = fairOrder(
    [
      of('little', 'batch', 1),
      of('much', 'interactive', 2),
      of('little', 'interactive', 4),
      of('little', 'interactive', 3),
    ],
    ({ tenant }) => served.get(tenant)!,
  );
  t.same(
    order.map(({ arrival }) => arrival),
    [3, 4, 2, 1],
  );
});

t.test('an engine without requests has nothing to do', async (t) => {
  t.same(planStep([null, null], level, BUDGET, plainCost()), { decode: [], prefill: [] });
});

t.test('while nobody waits for a next token, prompts get the larger budget', async (t) => {
  t.same(planStep([null, row(7, 300, 0)], level, BUDGET, plainCost()), {
    decode: [],
    prefill: [{ slot: 1, id: 7, start: 0, tokens: 256, last: false }],
  });
});

t.test('answers go on in every step, and a prompt gets the smaller budget beside them', async (t) => {
  t.same(planStep([row(1, 10, 12), row(2, 500, 64), row(3, 4, 4)], level, BUDGET, plainCost()), {
    decode: [
      { slot: 0, id: 1, tokens: 1 },
      { slot: 2, id: 3, tokens: 1 },
    ],
    prefill: [{ slot: 1, id: 2, start: 64, tokens: 64, last: false }],
  });
});

t.test('a draft is verified with its row', async (t) => {
  const { decode, prefill } = planStep([row(1, 10, 12, { drafted: 5 }), row(2, 500, 0)], level, BUDGET, plainCost());
  t.same(decode, [{ slot: 0, id: 1, tokens: 6 }]);
  t.match(prefill, [{ tokens: 64 }]);
});

t.test('what one prompt leaves of the budget goes to the next in fair order', async (t) => {
  const served: Record<string, number> = { 'tenant-1': 50, 'tenant-2': 0, 'tenant-3': 10 };
  const slots = [row(1, 40, 0), row(2, 30, 10), row(3, 200, 16), row(4, 1, 1)];
  t.same(planStep(slots, ({ tenant }) => served[tenant]!, BUDGET, plainCost()).prefill, [
    { slot: 1, id: 2, start: 10, tokens: 20, last: true },
    { slot: 2, id: 3, start: 16, tokens: 44, last: false },
  ]);
});

t.test('what the answers take is taken from the prompts, up to a quarter of it', async (t) => {
  const slots = [row(1, 10, 12), row(2, 500, 0)];
  t.match(planStep(slots, level, BUDGET, plainCost(40, 0)).prefill, [{ tokens: 24 }]);
  t.match(planStep(slots, level, BUDGET, plainCost(120, 0)).prefill, [{ tokens: 30 }]);
});

t.test('one token of a prompt is computed whatever it takes', async (t) => {
  const dear = { ...plainCost(), promptsMs: (_: number, tokens: number) => 1000 * tokens };
  t.match(planStep([row(1, 500, 0), row(2, 500, 0)], level, BUDGET, dear).prefill, [{ id: 1, tokens: 1 }]);
});

t.test('answers of who was served much stand aside for the prompt of who was not, every other step', async (t) => {
  const served: Record<string, number> = { flood: 5000, person: 3000, neighbour: 3100 };
  const counterOf = ({ tenant }: { tenant: string }) => served[tenant]!;
  const slots = (stoodAsideMs: number) => [
    row(1, 10, 12, { tenant: 'flood', stoodAsideMs }),
    row(2, 10, 12, { tenant: 'neighbour' }),
    row(3, 500, 0, { tenant: 'flood' }),
    row(4, 500, 0, { tenant: 'person' }),
  ];
  const cost = plainCost(20, 0);
  t.match(planStep(slots(0), counterOf, BUDGET, cost), { decode: [{ id: 2 }], prefill: [{ id: 4, tokens: 44 }] });
  t.match(planStep(slots(64), counterOf, BUDGET, cost), { decode: [{ id: 1 }, { id: 2 }], prefill: [{ id: 4 }] });
  const single = planStep([slots(0)[0]!, slots(0)[3]!], counterOf, BUDGET, cost);
  t.match(single, { decode: [{ id: 1 }] }, 'who has one stream is no flood, and keeps its pace');
});

t.test('where all answers stand aside, two steps together take no longer than they may', async (t) => {
  const counterOf = ({ tenant }: { tenant: string }) => (tenant === 'flood' ? 5000 : 3000);
  const slots = (stoodAsideMs: number) => [
    row(1, 10, 12, { tenant: 'flood', stoodAsideMs }),
    row(2, 10, 12, { tenant: 'flood', stoodAsideMs }),
    row(3, 500, 0, { tenant: 'person' }),
  ];
  const cost = plainCost(20, 0);
  t.match(planStep(slots(0), counterOf, BUDGET, cost), { decode: [], prefill: [{ tokens: 103 }] });
  const next = planStep(slots(103), counterOf, BUDGET, cost);
  t.match(next, { decode: [{ id: 1 }, { id: 2 }], prefill: [{ tokens: 5 }] });
  t.match(planStep(slots(300), counterOf, BUDGET, cost).prefill, [{ tokens: 5 }], 'however long the last one took');
});

t.test('where a prompt ends, those of who was served plainly more wait for the next step', async (t) => {
  const served: Record<string, number> = { flood: 5000, person: 3000, neighbour: 3100 };
  const counterOf = ({ tenant }: { tenant: string }) => served[tenant]!;
  const slots = [
    row(1, 500, 0, { tenant: 'flood' }),
    row(2, 20, 0, { tenant: 'person' }),
    row(3, 30, 0, { tenant: 'neighbour' }),
  ];
  t.same(
    planStep(slots, counterOf, BUDGET, plainCost()).prefill.map(({ id, tokens }) => [id, tokens]),
    [
      [2, 20],
      [3, 30],
    ],
  );
  const batch = [row(1, 500, 0, { priority: 'batch' }), row(2, 20, 0)];
  t.match(planStep(batch, level, BUDGET, plainCost()).prefill, [{ id: 2, tokens: 20 }]);
  t.equal(planStep(batch, level, BUDGET, plainCost()).prefill.length, 1);
});

t.test(
  'answers of tenants that were served alike stand aside for nobody, and batch answers for interactive prompts',
  async (t) => {
    const answer = row(1, 10, 12);
    t.same([...asideFor([answer, row(2, 500, 0)], ({ tenant }) => (tenant === 'tenant-1' ? 200 : 0))], []);
    t.same([...asideFor([answer, null], () => 0)], []);
    const batch = row(3, 10, 12, { priority: 'batch' });
    t.same([...asideFor([answer, batch, row(2, 500, 0)], level)], [batch]);
    t.same(
      [...asideFor([answer, row(2, 500, 0, { priority: 'batch' })], ({ tenant }) => (tenant === 'tenant-1' ? 999 : 0))],
      [],
    );
  },
);

t.test('the waiting get the lowest free slots in their order', async (t) => {
  t.same(admit([request(6), request(5), request(7)], [null, row(1, 1, 1), null], LIMITS, ready), [
    { id: 6, slot: 0 },
    { id: 5, slot: 2 },
  ]);
});

t.test('a reserved slot is for a tenant that holds none, whichever index is free', async (t) => {
  const slots = [row(1, 1, 1, { tenant: 'flood' }), null, row(2, 1, 1, { tenant: 'flood' })];
  const waiting = [request(5, { tenant: 'flood' }), request(6), request(7)];
  t.same(admit(waiting, slots, LIMITS, ready), [{ id: 6, slot: 1 }]);
});

t.test('who is admitted in the same turn holds a slot already', async (t) => {
  const waiting = [request(5, { tenant: 'flood' }), request(6, { tenant: 'flood' }), request(7, { tenant: 'flood' })];
  t.same(admit(waiting, [null, null, null], LIMITS, ready), [
    { id: 5, slot: 0 },
    { id: 6, slot: 1 },
  ]);
});

t.test('batch requests leave the reserved slots to interactive ones', async (t) => {
  const slots = [row(1, 1, 1), row(2, 1, 1), null];
  t.same(admit([request(5, { priority: 'batch' })], slots, LIMITS, ready), []);
});

t.test('batch requests leave a quarter of the slots to interactive ones', async (t) => {
  t.same([1, 2, 3, 4, 8].map(batchSlots), [1, 1, 2, 3, 6]);
  const slots = Array.from({ length: 9 }, () => null);
  const flood = [1, 2, 3, 4, 5, 6, 7, 8].map((id) => request(id, { priority: 'batch', tenant: 'flood' }));
  const limits = { slots: 8, reservedSlots: 1 };
  const admitted = admit(flood, slots, limits, ready).map(({ id }) => id);
  t.same(admitted, [1, 2, 3, 4, 5, 6]);
  const taken = slots.map((_, slot) => (slot < 6 ? row(slot, 1, 1, { priority: 'batch', tenant: 'flood' }) : null));
  const asked = [request(9), request(10), request(11), request(12), ...flood];
  t.same(
    admit(asked, taken, limits, ready).map(({ id }) => id),
    [9, 10, 11],
    'all at once, one of them in the reserved slot',
  );
});

t.test('a request whose adapter is not in the bank lets others pass', async (t) => {
  const waiting = [request(5, { adapter: 'x' }), request(6, { adapter: 'y' }), request(7)];
  t.same(
    admit(waiting, [null, null, null], LIMITS, (adapter) => adapter === 'y'),
    [
      { id: 6, slot: 0 },
      { id: 7, slot: 1 },
    ],
  );
});
