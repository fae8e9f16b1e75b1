/** Neighbouring places of a bank. */
export interface Places {
  readonly first: number;
  readonly count: number;
}

/** The smallest gap of `total` places that `count` fit into, so that large ones stay; null where none is wide enough. */
export function findGap(taken: readonly Places[], total: number, count: number): Places | null {
  let best: Places | null = null;
  let free = 0;
  for (const { first, count: length } of [...inOrder(taken), { first: total, count: 0 }]) {
    const width = first - free;
    if (width >= count && (best === null || width < best.count)) best = { first: free, count: width };
    free = first + length;
  }
  return best === null ? null : { first: best.first, count };
}

/** Where each comes to lie when all move to the beginning, in their order. */
export function closeGaps(taken: readonly Places[]): { readonly from: Places; readonly first: number }[] {
  let next = 0;
  return inOrder(taken).map((from) => {
    const first = next;
    next += from.count;
    return { from, first };
  });
}

function inOrder(taken: readonly Places[]): Places[] {
  return taken.toSorted((a, b) => a.first - b.first);
}
