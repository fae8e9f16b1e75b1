import type { Priority } from '../../contracts/generator.js';
import type { StepCost } from './step-cost.js';

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

/** Tokens of a prompt that are computed next. */
export interface Piece {
  /** The first of them in the prompt. */
  readonly from: number;
  /** Its position in the slot. */
  readonly start: number;
  /** 0: what comes next is being computed for another request. */
  readonly tokens: number;
}

/** A request that has a slot. */
export interface SlotView extends Contender {
  readonly id: number;
  readonly promptTokens: number;
  /** Tokens whose keys and values lie in the slot. */
  readonly cachedTokens: number;
  /** What is computed next of the prompt; null, or left out: all of it that does not lie in the slot. */
  readonly piece?: Piece | null;
  /** Tokens guessed behind the next one, to be verified along with it. */
  readonly drafted: number;
  /** What the last step took, where its answer stood aside in it; else 0. */
  readonly stoodAsideMs: number;
}

/** How much service the contender's tenant has had: see fair-share.ts. */
export type CounterOf = (contender: Contender) => number;

export interface SlotLimits {
  /** Requests that any tenants may have running at once. */
  readonly slots: number;
  /** How many more for newcomers. */
  readonly reservedSlots: number;
}

/** Milliseconds. */
export interface StepBudget {
  /** How long a step may take in which answers go on, where they alone do not take longer. */
  readonly stepMs: number;
  /** How long one may take in which nobody waits for the next token. */
  readonly idleStepMs: number;
}

/**
 * How long a step of so many answering rows may take with drafts or prompts: the budget, or what the answers take alone
 * and somewhat more.
 */
export function longestStepMs(rows: number, stepMs: number, cost: StepCost): number {
  return Math.max(stepMs, (1 + LEAST_PROMPT_SHARE) * cost.answersMs(rows));
}

/** Prompt tokens of a step at most, whatever it may take. */
export const MOST_PROMPT_TOKENS = 512;

/**
 * What prompts take beside answers that need the whole budget themselves, as a share of what the answers take: a
 * machine too slow for its promise slows everybody down, and starves nobody.
 */
const LEAST_PROMPT_SHARE = 0.25;

/**
 * How much more service a tenant has had than another where its answers stand aside for the other's prompt. Tenants that
 * want all of the machine are rarely that far apart; one that asks now and then has a credit (fair-share.ts).
 */
const LEAD = 256;

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

/** Slots that batch requests may take: they leave a quarter free, as far as there is more than one. */
export const batchSlots = (slots: number): number => Math.max(1, slots - Math.ceil(slots / 4));

/**
 * Who gets a slot: the waiting in their order, each the lowest free one. The reserved slots go to interactive requests
 * of tenants that hold no slot, so that a newcomer never waits for the answers of a flood; and batch requests leave some
 * free, so that interactive ones do not wait for theirs. A request whose adapter is
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
  let batchRows = slots.filter((view) => view?.priority === 'batch').length;
  for (const { id, tenant, priority, adapter } of waiting) {
    if (adapter !== null && !isReady(adapter)) continue;
    const newcomer = priority === 'interactive' && !holders.has(tenant);
    const rows = slots.length - free.length;
    if (rows >= limits.slots + (newcomer ? limits.reservedSlots : 0)) continue;
    if (priority === 'batch' && batchRows++ >= batchSlots(limits.slots)) continue;
    admissions.push({ id, slot: free.shift()! });
    holders.add(tenant);
  }
  return admissions;
}

const isAnswering = ({ promptTokens, cachedTokens }: SlotView): boolean => cachedTokens >= promptTokens;

/** Served plainly more than another, or nobody waits for it. */
const isBehind = (view: Contender, first: Contender, counterOf: CounterOf): boolean =>
  view.priority === first.priority ? counterOf(view) - counterOf(first) >= LEAD : view.priority === 'batch';

/**
 * The answers that stand aside for the first prompt: those of tenants that hold several slots and have been served plainly
 * more than its own. An answer stands aside for one step, and goes on in the next.
 * @param slots by slot, null = free
 */
export function asideFor<T extends SlotView>(slots: readonly (T | null)[], counterOf: CounterOf): ReadonlySet<T> {
  const taken = slots.filter((view) => view !== null);
  const [first] = fairOrder(
    taken.filter((view) => !isAnswering(view)),
    counterOf,
  );
  if (first === undefined) return new Set();
  const holdsSeveral = ({ tenant }: T) => taken.filter((view) => view.tenant === tenant).length > 1;
  const giveWay = (view: T) =>
    isBehind(view, first, counterOf) && (view.priority !== first.priority || holdsSeveral(view));
  return new Set(taken.filter((view) => isAnswering(view) && giveWay(view)));
}

/**
 * The next step: the rows that are answering go on, and prompts are computed beside them, in fair order and each as
 * far as what is left of the budget goes. So an answer never waits longer than the budget, and an abort neither; one that
 * stands aside (`asideFor`) waits twice as long. One token of a prompt is computed whatever it takes. Where a prompt ends, those of tenants that
 * have been served plainly more wait for the next step: its first token comes with the end of this one.
 * @param slots by slot, null = free
 */
export function planStep(
  slots: readonly (SlotView | null)[],
  counterOf: CounterOf,
  budget: StepBudget,
  cost: StepCost,
): StepPlan {
  const taken = slots.filter((view) => view !== null);
  const aside = asideFor(slots, counterOf);
  const answering = taken.filter(isAnswering);
  const going = answering.filter((view) => view.stoodAsideMs > 0 || !aside.has(view));
  const decode = going.map((view) => ({ slot: slots.indexOf(view), id: view.id, tokens: 1 + view.drafted }));
  const answerTokens = decode.reduce((sum, { tokens }) => sum + tokens, 0);
  const budgetMs = promptsMayTakeMs(answering.length, going, budget, cost);

  let promptTokens = 0;
  let attended = 0;
  const prefill: StepPlan['prefill'][number][] = [];
  let ended: SlotView | null = null;
  const unfinished = taken.filter((view) => !isAnswering(view));
  for (const view of fairOrder(unfinished, counterOf)) {
    const { start, tokens: left } = pieceOf(view);
    if (left === 0) continue;
    if (ended !== null && isBehind(view, ended, counterOf)) break;
    const most = Math.min(left, MOST_PROMPT_TOKENS - promptTokens);
    const fits = (tokens: number) =>
      cost.promptsMs(answerTokens, promptTokens + tokens, attended + attendedBy(start, tokens)) <= budgetMs;
    const tokens = Math.max(largest(most, fits), promptTokens === 0 ? 1 : 0);
    if (tokens === 0) break;
    const last = start + tokens === view.promptTokens;
    prefill.push({ slot: slots.indexOf(view), id: view.id, start, tokens, last });
    if (last) ended ??= view;
    promptTokens += tokens;
    attended += attendedBy(start, tokens);
  }
  return { decode, prefill };
}

/**
 * Milliseconds for prompts. A step and the one before it, in which an answer stood aside, take no longer than two steps may: where all answers
 * stand aside, a prompt has all of that but for what they take next.
 */
function promptsMayTakeMs(
  answering: number,
  going: readonly SlotView[],
  { stepMs, idleStepMs }: StepBudget,
  cost: StepCost,
): number {
  if (answering === 0) return idleStepMs;
  if (going.length === 0) return Math.max(stepMs, 2 * stepMs - (1 + LEAST_PROMPT_SHARE) * cost.answersMs(answering));
  const answersMs = cost.answersMs(going.reduce((sum, { drafted }) => sum + 1 + drafted, 0));
  const stoodAsideMs = Math.max(...going.map((view) => view.stoodAsideMs));
  return Math.max(Math.min(stepMs, 2 * stepMs - stoodAsideMs) - answersMs, LEAST_PROMPT_SHARE * answersMs);
}

function pieceOf({ piece, promptTokens, cachedTokens }: SlotView): Piece {
  return piece ?? { from: cachedTokens, start: cachedTokens, tokens: promptTokens - cachedTokens };
}

/** How many tokens those of a chunk look back at, summed over them. */
export function attendedBy(start: number, tokens: number): number {
  return tokens * start + (tokens * (tokens - 1)) / 2;
}

/** The largest number up to `most` that fits; what is smaller than one that fits does too. 0 where none does. */
function largest(most: number, fits: (count: number) => boolean): number {
  let low = 0;
  let high = most;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (fits(middle)) low = middle;
    else high = middle - 1;
  }
  return low;
}
