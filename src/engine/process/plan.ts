import type { Priority } from '../../contracts/generator.js';

/** What decides who goes first. */
export interface Contender {
  readonly tenant: string;
  readonly priority: Priority;
  /** Grows with every request: the smallest came first. */
  readonly arrival: number;
}

/** A request that waits for a slot. */
export interface WaitingView extends Contender {
  readonly id: number;
  /** Digest; null without adapter. */
  readonly adapter: string | null;
}

/** A request that has a slot. */
export interface SlotView extends Contender {
  readonly id: number;
  readonly promptTokens: number;
  /** Tokens whose keys and values lie in the slot. */
  readonly cachedTokens: number;
  /** Tokens guessed behind the next one, to be verified along with it. */
  readonly drafted: number;
}

/** How much service the contender's tenant has had: see fair-share.ts. */
export type CounterOf = (contender: Contender) => number;

export interface SlotLimits {
  /** Requests that any tenants may have running at once. */
  readonly slots: number;
  /** How many more for newcomers. */
  readonly reservedSlots: number;
}

export interface PrefillBudget {
  /** Prompt tokens of a step in which answers go on. */
  readonly prefillChunkTokens: number;
  /** Prompt tokens of a step in which nobody waits for the next token. */
  readonly idlePrefillTokens: number;
}

/** What the next run of the model computes; empty when there is nothing to do. Plain data. */
export interface StepPlan {
  /** The next token and the drafted ones behind it: `tokens` in all. */
  readonly decode: readonly { readonly slot: number; readonly id: number; readonly tokens: number }[];
  /** Tokens `start … start + tokens - 1` of a prompt; the `last` chunk's last logits give the first token. */
  readonly prefill: readonly {
    readonly slot: number;
    readonly id: number;
    readonly start: number;
    readonly tokens: number;
    readonly last: boolean;
  }[];
}

/** Interactive before batch, then the tenant that has been served least, then who came first. */
export function fairOrder<T extends Contender>(contenders: readonly T[], counterOf: CounterOf): T[] {
  const batch = ({ priority }: Contender) => Number(priority === 'batch');
  return contenders.toSorted((a, b) => batch(a) - batch(b) || counterOf(a) - counterOf(b) || a.arrival - b.arrival);
}

/**
 * Who gets a slot: the waiting in their order, each the lowest free one. The reserved slots go to interactive requests
 * of tenants that hold no slot, so that a newcomer never waits for the answers of a flood. A request whose adapter is
 * not in the bank lets others pass; loading takes a moment.
 * @param waiting in fair order
 * @param slots by slot, null = free; `slots + reservedSlots` of them
 */
export function admit(
  waiting: readonly WaitingView[],
  slots: readonly (SlotView | null)[],
  limits: SlotLimits,
  isReady: (adapter: string) => boolean,
): { readonly id: number; readonly slot: number }[] {
  const free = slots.flatMap((view, slot) => (view === null ? [slot] : []));
  const holders = new Set(slots.flatMap((view) => (view === null ? [] : [view.tenant])));
  const admissions: { id: number; slot: number }[] = [];
  for (const { id, tenant, priority, adapter } of waiting) {
    if (adapter !== null && !isReady(adapter)) continue;
    const newcomer = priority === 'interactive' && !holders.has(tenant);
    const rows = slots.length - free.length;
    if (rows >= limits.slots + (newcomer ? limits.reservedSlots : 0)) continue;
    admissions.push({ id, slot: free.shift()! });
    holders.add(tenant);
  }
  return admissions;
}

/**
 * The next step: every row that is answering goes on, and prompts are computed beside them, in fair order and each as
 * far as what is left of the budget goes. So an answer never waits longer than the budget takes.
 * @param slots by slot, null = free
 */
export function planStep(
  slots: readonly (SlotView | null)[],
  counterOf: CounterOf,
  { prefillChunkTokens, idlePrefillTokens }: PrefillBudget,
): StepPlan {
  const taken = slots.filter((view) => view !== null);
  const decode = taken
    .filter(({ promptTokens, cachedTokens }) => cachedTokens >= promptTokens)
    .map((view) => ({ slot: slots.indexOf(view), id: view.id, tokens: 1 + view.drafted }));

  let budget = decode.length > 0 ? prefillChunkTokens : idlePrefillTokens;
  const prefill: StepPlan['prefill'][number][] = [];
  const unfinished = taken.filter(({ promptTokens, cachedTokens }) => cachedTokens < promptTokens);
  for (const view of fairOrder(unfinished, counterOf)) {
    if (budget === 0) break;
    const start = view.cachedTokens;
    const tokens = Math.min(budget, view.promptTokens - start);
    prefill.push({ slot: slots.indexOf(view), id: view.id, start, tokens, last: start + tokens === view.promptTokens });
    budget -= tokens;
  }
  return { decode, prefill };
}
