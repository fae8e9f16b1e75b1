import fc from 'fast-check';
import t from 'tap';
import {
  admit,
  asideFor,
  attendedBy,
  batchSlots,
  type Contender,
  fairOrder,
  longestStepMs,
  planStep,
  type SlotView,
} from '../../src/engine/process/plan.js';
import { MeasuredStepCost } from '../../src/engine/process/step-cost.js';
import { plainCost } from '../fixtures/engine/step-cost.js';
import { type SimulatedRequest, simulate } from './engine-simulation.js';

const contender = {
  tenant: fc.constantFrom('a', 'b', 'c'),
  priority: fc.constantFrom('interactive' as const, 'batch' as const),
};
/** As far apart that answers of one stand aside for a prompt of another, or less. */
const counter = fc.constantFrom(0, 1, 2, 300, 600);
const counters = fc.record({ a: counter, b: counter, c: counter });
const slotsOf = fc
  .array(
    fc.option(
      fc.record({
        ...contender,
        promptTokens: fc.integer({ min: 1, max: 40 }),
        cachedTokens: fc.nat(50),
        drafted: fc.nat(8),
        stoodAsideMs: fc.oneof(fc.constant(0), fc.nat(150)),
      }),
    ),
    { minLength: 1, maxLength: 8 },
  )
  .map((rows) => rows.map((row, slot): SlotView | null => row && { ...row, id: 100 + slot, arrival: slot }));
const waitingOf = fc
  .array(fc.record({ ...contender, adapter: fc.constantFrom(null, 'ready', 'loading') }), { maxLength: 12 })
  .map((requests) => requests.map((request, id) => ({ ...request, id, arrival: 100 + id })));
const budget = fc.record({
  stepMs: fc.integer({ min: 1, max: 70 }),
  idleStepMs: fc.integer({ min: 1, max: 70 }),
});
const isReady = (adapter: string) => adapter === 'ready';
const tokensOf = (views: readonly SlotView[]) =>
  views.reduce((sum, { promptTokens, cachedTokens }) => sum + promptTokens - cachedTokens, 0);

t.test(
  'a step has every answering row that may not stand aside, with its draft, and prompts up to the budget and no further',
  async () => {
    fc.assert(
      fc.property(slotsOf, counters, budget, (slots, counters, budget) => {
        const counterOf = ({ tenant }: Contender) => counters[tenant as keyof typeof counters];
        const { decode, prefill } = planStep(slots, counterOf, budget, plainCost());
        const aside = asideFor(slots, counterOf);
        const answering = slots.flatMap((view, slot) =>
          view && view.cachedTokens >= view.promptTokens ? [{ slot, id: view.id, tokens: 1 + view.drafted }] : [],
        );
        const going = answering.filter(({ slot }) => slots[slot]!.stoodAsideMs > 0 || !aside.has(slots[slot]!));
        const unfinished = fairOrder(
          slots.filter((view) => view !== null).filter((view) => view.cachedTokens < view.promptTokens),
          counterOf,
        );
        const { stepMs, idleStepMs } = budget;
        const waitedMs = Math.max(...going.map(({ slot }) => slots[slot]!.stoodAsideMs));
        const beside = going.length === 0 ? 2 * stepMs : Math.min(stepMs, 2 * stepMs - waitedMs);
        const most = Math.max(1, answering.length > 0 ? beside : idleStepMs);
        // Who comes behind one that ends, and was served plainly more, waits.
        const ends = unfinished.findIndex((_, i) => tokensOf(unfinished.slice(0, i + 1)) > most);
        const ended = ends === 0 ? undefined : unfinished[0];
        const together = unfinished.filter(
          (view) =>
            !ended ||
            (view.priority === ended.priority
              ? counterOf(view) - counterOf(ended) < 256
              : view.priority === 'interactive'),
        );
        const left = tokensOf(together);
        const used = [...decode, ...prefill].map(({ slot }) => slot);
        return (
          JSON.stringify(decode) === JSON.stringify(going) &&
          prefill.reduce((sum, { tokens }) => sum + tokens, 0) === Math.min(most, left) &&
          new Set(used).size === used.length &&
          prefill.every(({ slot, id, start, tokens, last }) => {
            const view = slots[slot]!;
            const end = start + tokens;
            return view.id === id && start === view.cachedTokens && tokens > 0 && last === (end === view.promptTokens);
          })
        );
      }),
      { numRuns: 1000 },
    );
  },
);

t.test('a prompt gets tokens only after all before it in fair order got all that they lack', async () => {
  fc.assert(
    fc.property(slotsOf, counters, budget, (slots, counters, budget) => {
      const counterOf = ({ tenant }: Contender) => counters[tenant as keyof typeof counters];
      const { prefill } = planStep(slots, counterOf, budget, plainCost());
      const unfinished = slots.filter((view) => view !== null).filter((view) => view.cachedTokens < view.promptTokens);
      const order = fairOrder(unfinished, counterOf).map(({ id }) => id);
      return prefill.every(({ id }, i) => id === order[i]) && prefill.slice(0, -1).every(({ last }) => last);
    }),
    { numRuns: 1000 },
  );
});

t.test('slots are given by the rules, to any waiting and over any state', async () => {
  const limitsOf = fc.record({ slots: fc.integer({ min: 1, max: 6 }), reservedSlots: fc.nat(2) });
  fc.assert(
    fc.property(slotsOf, waitingOf, counters, limitsOf, (rows, waiting, counters, limits) => {
      const slots = Array.from({ length: limits.slots + limits.reservedSlots }, (_, slot) => rows[slot] ?? null);
      const order = fairOrder(waiting, ({ tenant }) => counters[tenant as keyof typeof counters]);
      const admissions = admit(order, slots, limits, isReady);
      const tenants = slots.flatMap((view) => (view ? [view.tenant] : []));
      let batchRows = slots.filter((view) => view?.priority === 'batch').length;
      for (const { id, slot } of admissions) {
        const { tenant, priority, adapter } = waiting[id]!;
        if (slots[slot] !== null || (adapter !== null && !isReady(adapter))) return false;
        const reserved = tenants.length >= limits.slots;
        if (reserved && (tenants.includes(tenant) || priority === 'batch')) return false;
        if (priority === 'batch' && ++batchRows > batchSlots(limits.slots)) return false;
        tenants.push(tenant);
      }
      const used = admissions.map(({ slot }) => slot);
      if (new Set(used).size !== used.length || tenants.length > slots.length) return false;
      const admitted = new Set(admissions.map(({ id }) => id));
      const passed = order.filter(({ id, adapter }) => !admitted.has(id) && (adapter === null || isReady(adapter)));
      const batchIsFull = batchRows >= batchSlots(limits.slots);
      const able = passed.filter(({ priority }) => priority === 'interactive' || !batchIsFull);
      if (able.length > 0 && tenants.length < limits.slots) return false;
      if (passed.some(({ priority, tenant }) => priority === 'interactive' && !tenants.includes(tenant))) {
        if (tenants.length < slots.length) return false;
      }
      const anyBatch = admissions.some(({ id }) => waiting[id]!.priority === 'batch');
      return !(anyBatch && passed.some(({ priority }) => priority === 'interactive'));
    }),
    { numRuns: 3000 },
  );
});

t.test('every request ends, with its prompt computed from the first token to the last, whatever the mix', async () => {
  const requestsOf = fc.array(
    fc.record({
      ...contender,
      arrivesAt: fc.nat(40),
      promptTokens: fc.integer({ min: 1, max: 60 }),
      newTokens: fc.integer({ min: 1, max: 20 }),
      drafted: fc.nat(4),
      adapterReadyAt: fc.option(fc.nat(80)),
    }),
    { maxLength: 14 },
  );
  const limitsOf = fc.record({
    slots: fc.integer({ min: 1, max: 5 }),
    reservedSlots: fc.nat(2),
    stepMs: fc.integer({ min: 1, max: 70 }),
    idleStepMs: fc.integer({ min: 1, max: 70 }),
  });
  fc.assert(
    fc.property(requestsOf, limitsOf, (requests: SimulatedRequest[], limits) => {
      const computed = requests.map(() => 0);
      const ended = requests.map(() => 0);
      simulate(requests, limits, ({ plan }) => {
        for (const { id } of plan.decode) if (ended[id] !== 1) throw new Error('an answer before its prompt');
        for (const { id, start, tokens, last } of plan.prefill) {
          if (computed[id] !== start) throw new Error('a gap in a prompt');
          computed[id] += tokens;
          ended[id]! += Number(last);
        }
      });
      return requests.every(({ promptTokens }, id) => computed[id] === promptTokens && ended[id] === 1);
    }),
  );
});

t.test('a newcomer gets a slot at once, however large the flood of another tenant', async () => {
  const limits = { slots: 3, reservedSlots: 1, stepMs: 16, idleStepMs: 64 };
  const request = { priority: 'interactive' as const, newTokens: 50, drafted: 0, adapterReadyAt: null };
  fc.assert(
    fc.property(fc.integer({ min: 4, max: 30 }), fc.nat(60), fc.integer({ min: 1, max: 40 }), (flood, at, prompt) => {
      const requests = Array.from({ length: flood }, () => ({
        ...request,
        tenant: 'flood',
        arrivesAt: 0,
        promptTokens: 40,
      }));
      let waited = 0;
      let turnsToFirstToken = 0;
      simulate(
        [...requests, { ...request, tenant: 'newcomer', arrivesAt: at, promptTokens: prompt }],
        limits,
        ({ now, waiting, plan }) => {
          if (waiting.some(({ tenant }) => tenant === 'newcomer')) waited++;
          if (plan.prefill.some(({ id, last }) => id === flood && last)) turnsToFirstToken = now - at + 1;
        },
      );
      // The flood's tenant is served at least as much already, so its prompts come second from the second chunk on.
      return waited === 0 && turnsToFirstToken <= 2 * Math.ceil(prompt / limits.stepMs) + 3;
    }),
    { numRuns: 50 },
  );
});

t.test('a step takes no longer than its budget, or than its answers and a quarter, but for one token', async () => {
  const profileOf = fc
    .record({
      readMs: fc.double({ min: 0.5, max: 80, noNaN: true }),
      tokenMs: fc.double({ min: 0.05, max: 4, noNaN: true }),
      attendedMs: fc.double({ min: 0, max: 1e-3, noNaN: true }),
    })
    .map(({ readMs, tokenMs, attendedMs }) => {
      const curve = [1, 8, 64, 512].map((tokens) => [tokens, Math.max(readMs, tokens * tokenMs)] as const);
      return { answers: curve, prompts: curve, attendedMs };
    });
  const longSlotsOf = slotsOf.map((slots) =>
    slots.map(
      (view) => view && { ...view, promptTokens: 30 * view.promptTokens, cachedTokens: 30 * view.cachedTokens },
    ),
  );
  const budgetOf = fc.record({
    stepMs: fc.integer({ min: 1, max: 100 }),
    idleStepMs: fc.integer({ min: 1, max: 300 }),
  });
  fc.assert(
    fc.property(longSlotsOf, profileOf, budgetOf, (slots, profile, budget) => {
      const cost = new MeasuredStepCost(profile);
      const { decode, prefill } = planStep(slots, () => 0, budget, cost);
      const answerTokens = decode.reduce((sum, { tokens }) => sum + tokens, 0);
      const promptTokens = prefill.reduce((sum, { tokens }) => sum + tokens, 0);
      const attended = prefill.reduce((sum, { start, tokens }) => sum + attendedBy(start, tokens), 0);
      const answersMs = answerTokens === 0 ? 0 : cost.answersMs(answerTokens);
      const totalMs = answersMs + cost.promptsMs(answerTokens, promptTokens, attended);
      const isIdle = !slots.some((view) => view && view.cachedTokens >= view.promptTokens);
      // Where all stand aside, what two steps may take.
      const mostMs = decode.length === 0 ? 2 * budget.stepMs : longestStepMs(answerTokens, budget.stepMs, cost);
      const most = isIdle ? budget.idleStepMs : mostMs;
      return promptTokens <= 1 || totalMs <= most * (1 + 1e-9);
    }),
    { numRuns: 1000 },
  );
});
