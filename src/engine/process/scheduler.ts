/** What the scheduler needs to know of a request that has a slot. */
export interface SlotView {
  readonly id: number;
  /** Grows with every admission: the smallest came first. */
  readonly admission: number;
  readonly promptTokens: number;
  /** Tokens whose keys and values lie in the slot. */
  readonly cachedTokens: number;
}

export interface SchedulerState {
  /** By slot; null = free. */
  readonly slots: readonly (SlotView | null)[];
  readonly previous: StepPlan['kind'];
}

/** One decode row: a slot, and the request in it; null for a filler whose result nobody reads. */
interface DecodeRow {
  readonly id: number | null;
  /** Position that the row's token takes. */
  readonly position: number;
}

/** What the next run of the model computes. Plain data. */
export type StepPlan =
  | { readonly kind: 'idle' }
  | {
      readonly kind: 'prefill';
      readonly slot: number;
      readonly id: number;
      /** Tokens `start … start + tokens - 1` of the prompt. */
      readonly start: number;
      readonly tokens: number;
      /** The chunk ends the prompt, so its last logits give the first token. */
      readonly last: boolean;
    }
  /** One token for each of the slots `firstSlot … firstSlot + rows.length - 1`. */
  | { readonly kind: 'decode'; readonly firstSlot: number; readonly rows: readonly DecodeRow[] };

/**
 * Next step: a chunk of the oldest unfinished prompt, or one token for every decoding slot, by turns when there is
 * both, so that an answer waits for one chunk at most.
 *
 * The graph takes a contiguous range of slots, so free and prefilling slots inside the range run along as fillers.
 * A filler writes at the slot's own current length, which is less than the context (a prompt leaves room for at least one token,
 * a free slot is empty) and which the slot's next real token overwrites.
 */
export function schedule({ slots, previous }: SchedulerState, prefillChunkTokens: number): StepPlan {
  const taken = slots.flatMap((view, slot) => (view ? [{ view, slot }] : []));
  const decoding = taken.filter(({ view }) => view.cachedTokens >= view.promptTokens);
  const prefilling = taken
    .filter(({ view }) => view.cachedTokens < view.promptTokens)
    .sort((a, b) => a.view.admission - b.view.admission);

  const next = prefilling[0];
  if (next && (decoding.length === 0 || previous !== 'prefill')) {
    const { id, promptTokens, cachedTokens } = next.view;
    const tokens = Math.min(prefillChunkTokens, promptTokens - cachedTokens);
    return {
      kind: 'prefill',
      slot: next.slot,
      id,
      start: cachedTokens,
      tokens,
      last: cachedTokens + tokens === promptTokens,
    };
  }
  if (decoding.length === 0) return { kind: 'idle' };
  const firstSlot = decoding[0]!.slot;
  const lastSlot = decoding.at(-1)!.slot;
  const decodes = new Set(decoding.map(({ slot }) => slot));
  const rows = Array.from({ length: lastSlot - firstSlot + 1 }, (_, i): DecodeRow => {
    const view = slots[firstSlot + i];
    return {
      id: view && decodes.has(firstSlot + i) ? view.id : null,
      position: view?.cachedTokens ?? 0,
    };
  });
  return { kind: 'decode', firstSlot, rows };
}

/** A request that waits for a slot. */
export interface WaitingView {
  readonly id: number;
  /** Its adapter is in the bank, or it has none. */
  readonly ready: boolean;
}

/**
 * Who gets a slot: the waiting in order of arrival, each the lowest free slot, so that slots in use stay together.
 * A request whose adapter is still being read lets others pass; reading takes a moment.
 */
export function admit(
  waiting: readonly WaitingView[],
  slots: readonly (SlotView | null)[],
): { readonly id: number; readonly slot: number }[] {
  const free = slots.flatMap((view, slot) => (view === null ? [slot] : []));
  return waiting
    .filter(({ ready }) => ready)
    .slice(0, free.length)
    .map(({ id }, i) => ({ id, slot: free[i]! }));
}
