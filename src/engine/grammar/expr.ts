/** What a text may be, before it becomes a program: regular expressions over characters, and rules that call each other. */

/** Code points, both ends included. */
export type Range = readonly [from: number, to: number];

export type Expr =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'class'; readonly ranges: readonly Range[] }
  /** So many of what `unit` names: characters that no text begins with that is one too. */
  | { readonly kind: 'loop'; readonly unit: Unit; readonly min: number; readonly max: number }
  | { readonly kind: 'seq'; readonly items: readonly Expr[] }
  | { readonly kind: 'alt'; readonly items: readonly Expr[] }
  | { readonly kind: 'repeat'; readonly item: Expr; readonly min: number; readonly max: number }
  | { readonly kind: 'rule'; readonly rule: number };

/** One character of a loop: of these, as it stands, or as it is written within a JSON string. */
export interface Unit {
  readonly ranges: readonly Range[];
  readonly json: boolean;
}

export const LAST_CODE_POINT = 0x10ffff;

export const text = (value: string): Expr => ({ kind: 'text', text: value });
export const seq = (...items: readonly Expr[]): Expr => ({ kind: 'seq', items });
export const repeat = (item: Expr, min: number, max: number): Expr => ({ kind: 'repeat', item, min, max });
export const optional = (item: Expr): Expr => repeat(item, 0, 1);
export const charsOf = (ranges: readonly Range[]): Expr => ({ kind: 'class', ranges });

/** Nothing but one of these; of none: what no text is. */
export function alt(...items: readonly Expr[]): Expr {
  return items.length === 1 ? items[0]! : { kind: 'alt', items };
}

/** One of these texts. Beginnings that they share are written once, so that few ways are open at any time. */
export function oneOf(texts: readonly string[]): Expr {
  return alternatives(
    [...new Set(texts)].sort().map((value) => [...value]),
    0,
  );
}

function alternatives(sorted: readonly (readonly string[])[], depth: number): Expr {
  const items: Expr[] = [];
  for (let from = 0; from < sorted.length; ) {
    const first = sorted[from]!;
    if (first.length === depth) {
      items.push(text(''));
      from++;
      continue;
    }
    let to = from + 1;
    while (to < sorted.length && sorted[to]![depth] === first[depth]) to++;
    const last = sorted[to - 1]!;
    let shared = depth + 1;
    while (shared < first.length && first[shared] === last[shared]) shared++;
    const head = text(first.slice(depth, shared).join(''));
    const isWhole = to === from + 1 && shared === first.length;
    items.push(isWhole ? head : seq(head, alternatives(sorted.slice(from, to), shared)));
    from = to;
  }
  return alt(...items);
}

/** Without what is in both, in order, joined where they touch. */
export function normalized(ranges: readonly Range[]): Range[] {
  const merged: [number, number][] = [];
  for (const [from, to] of ranges.toSorted((a, b) => a[0] - b[0])) {
    const last = merged.at(-1);
    if (last && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else merged.push([from, to]);
  }
  return merged;
}

/** Every other character; no half of a surrogate pair is one. */
export function inverted(ranges: readonly Range[]): Range[] {
  const rest: Range[] = [];
  let next = 0;
  for (const [from, to] of normalized([...ranges, [0xd800, 0xdfff]])) {
    if (from > next) rest.push([next, from - 1]);
    next = to + 1;
  }
  if (next <= LAST_CODE_POINT) rest.push([next, LAST_CODE_POINT]);
  return rest;
}
