/** Which tokens of a step use which adapter, in the form that the graph's grouped LoRA takes. */
export interface LoraGroups {
  /** The bank slots `firstSlot … firstSlot + slots - 1` are those that the step reads; `slots` is 0 without adapters. */
  readonly firstSlot: number;
  readonly slots: number;
  /** Places of each group: tokens of the largest one, and two at least. */
  readonly places: number;
  /** Flat token index of each group place, 0 where the place is empty: `slots * places`. */
  readonly gather: readonly number[];
  /** Place of each token, or `slots * places` (a row of zeros) for a token without adapter. */
  readonly back: readonly number[];
}

/**
 * A product with a single row takes another path through onnxruntime's kernels and rounds differently, and the next
 * quantization of activations turns that into other tokens. With two places at least, a row's answer does not depend on
 * how many neighbours share its adapter.
 */
export const FEWEST_PLACES = 2;

/**
 * Groups the tokens of a step by adapter, so that each adapter's matrices are read once and never copied.
 * @param rows bank slot of each row, null without adapter
 * @param tokensPerRow token `t` of row `b` has the flat index `b * tokensPerRow + t`
 * @param startsAnywhere whether the slots that are read may start at another than 0
 */
export function groupByAdapter(
  rows: readonly (number | null)[],
  tokensPerRow: number,
  startsAnywhere = true,
): LoraGroups {
  const used = rows.filter((slot) => slot !== null);
  const firstSlot = startsAnywhere && used.length ? Math.min(...used) : 0;
  const slots = used.length ? Math.max(...used) - firstSlot + 1 : 0;
  const members = Array.from({ length: slots }, (): number[] => []);
  rows.forEach((slot, row) => {
    if (slot === null) return;
    for (let t = 0; t < tokensPerRow; t++) members[slot - firstSlot]!.push(row * tokensPerRow + t);
  });
  const places = slots === 0 ? 0 : Math.max(FEWEST_PLACES, ...members.map((group) => group.length));
  const gather = new Array<number>(slots * places).fill(0);
  const back = new Array<number>(rows.length * tokensPerRow).fill(slots * places);
  members.forEach((group, s) => {
    group.forEach((token, m) => {
      gather[s * places + m] = token;
      back[token] = s * places + m;
    });
  });
  return { firstSlot, slots, places, gather, back };
}
