import type { Priority } from '../../src/contracts/generator.js';
import { FairShare } from '../../src/engine/process/fair-share.js';
import {
  admit,
  type CounterOf,
  fairOrder,
  planStep,
  type SlotLimits,
  type SlotView,
  type StepBudget,
  type StepPlan,
  type WaitingView,
} from '../../src/engine/process/plan.js';
import { plainCost } from '../fixtures/engine/step-cost.js';

export interface SimulatedRequest {
  readonly tenant: string;
  readonly priority: Priority;
  /** Turn of the engine in which it comes. */
  readonly arrivesAt: number;
  readonly promptTokens: number;
  readonly newTokens: number;
  /** Tokens drafted in each of its steps. */
  readonly drafted: number;
  /** Turn from which its adapter is in the bank; null without adapter. */
  readonly adapterReadyAt: number | null;
}

interface Row extends SlotView {
  cachedTokens: number;
  sampledTokens: number;
  stoodAsideMs: number;
}

/** One turn, as it was before the model ran. */
export interface Turn {
  readonly now: number;
  readonly waiting: readonly WaitingView[];
  readonly slots: readonly (SlotView | null)[];
  readonly plan: StepPlan;
  readonly counterOf: CounterOf;
  /** Service up to now, in the unit of the counters. */
  readonly served: ReadonlyMap<string, number>;
}

/**
 * Serves all requests the way the engine's loop does, with a model that takes no time. Every second draft is accepted
 * whole, the others not at all.
 * @throws Error when it does not come to rest
 */
export function simulate(
  requests: readonly SimulatedRequest[],
  limits: SlotLimits & StepBudget,
  observe: (turn: Turn) => void,
  credit?: number,
): void {
  const shares = { interactive: new FairShare(() => 0, { credit }), batch: new FairShare(() => 0, { credit }) };
  const counterOf: CounterOf = ({ tenant, priority }) => shares[priority].counter(tenant);
  const served = new Map<string, number>();
  const slots = new Array<Row | null>(limits.slots + limits.reservedSlots).fill(null);
  let waiting: WaitingView[] = [];
  let unfinished = requests.length;
  let arrivals = 0;

  const serve = ({ tenant, priority }: SlotView, promptTokens: number, completionTokens: number) => {
    const before = shares[priority].counter(tenant);
    shares[priority].charge(tenant, promptTokens, completionTokens);
    served.set(tenant, (served.get(tenant) ?? 0) + shares[priority].counter(tenant) - before);
  };
  const sample = (slot: number, tokens: number) => {
    const row = slots[slot]!;
    const wanted = Math.min(tokens, requests[row.id]!.newTokens - row.sampledTokens);
    row.sampledTokens += wanted;
    serve(row, 0, wanted);
    if (row.sampledTokens < requests[row.id]!.newTokens) return;
    slots[slot] = null;
    unfinished--;
  };

  for (let now = 0; unfinished > 0; now++) {
    if (now > 20_000) throw new Error('the engine never came to rest');
    requests.forEach(({ arrivesAt, tenant, priority, adapterReadyAt }, id) => {
      if (arrivesAt !== now) return;
      const adapter = adapterReadyAt === null ? null : String(id);
      waiting.push({ id, tenant, priority, arrival: arrivals++, adapter });
      shares[priority].arrived(tenant);
    });
    const isReady = (adapter: string) => requests[Number(adapter)]!.adapterReadyAt! <= now;
    for (const { id, slot } of admit(fairOrder(waiting, counterOf), slots, limits, isReady)) {
      if (slots[slot] !== null) throw new Error('two requests in one slot');
      const { promptTokens, drafted } = requests[id]!;
      const { tenant, priority, arrival } = waiting.find((request) => request.id === id)!;
      slots[slot] = {
        id,
        tenant,
        priority,
        arrival,
        promptTokens,
        drafted,
        cachedTokens: 0,
        sampledTokens: 0,
        stoodAsideMs: 0,
      };
      waiting = waiting.filter((request) => request.id !== id);
      shares[priority].left(tenant);
    }
    const plan = planStep(slots, counterOf, limits, plainCost());
    observe({ now, waiting, slots, plan, counterOf, served });
    const rows = new Set([...plan.decode, ...plan.prefill].map(({ slot }) => slot));
    const tookMs = plan.prefill.reduce((sum, { tokens }) => sum + tokens, 0);
    slots.forEach((row, slot) => {
      if (row) row.stoodAsideMs = rows.has(slot) ? 0 : tookMs;
    });
    for (const { slot, tokens } of plan.decode) {
      const accepted = now % 2 === 0 ? tokens : 1;
      slots[slot]!.cachedTokens += accepted;
      sample(slot, accepted);
    }
    for (const { slot, tokens, last } of plan.prefill) {
      slots[slot]!.cachedTokens += tokens;
      serve(slots[slot]!, tokens, 0);
      if (last) sample(slot, 1);
    }
  }
}
