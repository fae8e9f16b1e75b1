import fc from 'fast-check';
import t from 'tap';
import { COMPLETION_TOKEN_WEIGHT, FairShare, PROMPT_TOKEN_WEIGHT } from '../../src/engine/process/fair-share.js';
import type { SlotLimits, StepBudget } from '../../src/engine/process/plan.js';
import { type SimulatedRequest, simulate, type Turn } from './engine-simulation.js';

const LONGEST_PROMPT = 40;
const LONGEST_ANSWER = 20;
const BUSY_FROM = 10;

const requestOf = (tenant: string, arrivesAt: fc.Arbitrary<number>) =>
  fc.record({
    tenant: fc.constant(tenant),
    priority: fc.constant('interactive' as const),
    arrivesAt,
    promptTokens: fc.integer({ min: 1, max: LONGEST_PROMPT }),
    newTokens: fc.integer({ min: 1, max: LONGEST_ANSWER }),
    drafted: fc.nat(3),
    adapterReadyAt: fc.constant(null),
  });
const limitsOf = fc.record({
  slots: fc.integer({ min: 1, max: 3 }),
  reservedSlots: fc.constant(0),
  stepMs: fc.integer({ min: 1, max: 70 }),
  idleStepMs: fc.integer({ min: 1, max: 70 }),
});

/** The largest lead in service that `tenant` gained over `busy` in any stretch of time in which `busy` queued. */
function largestGain(
  requests: readonly SimulatedRequest[],
  limits: SlotLimits & StepBudget,
  credit: number,
  tenant: string,
): number {
  let least = Number.POSITIVE_INFINITY;
  let gain = 0;
  const observe = ({ waiting, served }: Turn) => {
    if (!waiting.some((request) => request.tenant === 'busy')) return;
    const lead = (served.get(tenant) ?? 0) - (served.get('busy') ?? 0);
    least = Math.min(least, lead);
    gain = Math.max(gain, lead - least);
  };
  simulate(requests, limits, observe, credit);
  return gain;
}

t.test(
  'no tenant gains more than its credit on one that queues, by flooding, cutting its work, staying away or trickling in',
  async () => {
    const many = (tenant: string, arrivesAt: fc.Arbitrary<number>) =>
      fc.array(requestOf(tenant, arrivesAt), { minLength: 20, maxLength: 30 });
    const requestsOf = fc
      .integer({ min: 50, max: 300 })
      .chain((burst) =>
        fc
          .tuple(
            many('busy', fc.constant(BUSY_FROM)),
            many('busy', fc.constant(BUSY_FROM)),
            many('flood', fc.constant(0)),
            many('returning', fc.constantFrom(0, burst, burst, burst)),
            many('trickle', fc.nat(600)),
          )
          .map((requests) => requests.flat()),
      );
    fc.assert(
      fc.property(requestsOf, limitsOf, fc.constantFrom(0, 500), (requests, limits, credit) => {
        // What a tenant may still be charged for when it has just taken every slot.
        const batch = limits.slots * (PROMPT_TOKEN_WEIGHT * LONGEST_PROMPT + COMPLETION_TOKEN_WEIGHT * LONGEST_ANSWER);
        return ['flood', 'returning', 'trickle'].every(
          (tenant) => largestGain(requests, limits, credit, tenant) <= credit + 2 * batch,
        );
      }),
      // Shrinking floods takes minutes; the seed is printed.
      { numRuns: 30, endOnFailure: true },
    );
  },
);

t.test('a counter never goes down, not even when the tenant was forgotten meanwhile', async () => {
  const tenants = ['a', 'b', 'c', 'd', 'e'] as const;
  const stepOf = fc.record({
    tenant: fc.constantFrom(...tenants),
    what: fc.constantFrom('arrived', 'left', 'charge'),
    tokens: fc.nat(50),
  });
  fc.assert(
    fc.property(
      fc.array(stepOf, { maxLength: 200 }),
      fc.nat(100),
      fc.integer({ min: 1, max: 5 }),
      (steps, credit, remembered) => {
        const share = new FairShare(() => 0, { credit, remembered });
        const queued = new Map<string, number>();
        let before = tenants.map((tenant) => share.counter(tenant));
        for (const { tenant, what, tokens } of steps) {
          const count = queued.get(tenant) ?? 0;
          if (what === 'charge') share.charge(tenant, tokens, tokens);
          else if (what === 'arrived') share.arrived(tenant);
          else if (count > 0) share.left(tenant);
          if (what !== 'charge') queued.set(tenant, what === 'arrived' ? count + 1 : Math.max(0, count - 1));
          const after = tenants.map((name) => share.counter(name));
          if (after.some((counter, i) => counter < before[i]!)) return false;
          before = after;
        }
        return true;
      },
    ),
    { numRuns: 2000 },
  );
});
