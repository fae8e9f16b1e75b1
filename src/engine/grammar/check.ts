import { alt, type Expr, repeat, seq } from './expr.js';

/** Rules of which every part can be written in some way; null where the whole cannot. */
export function withoutDeadEnds(rules: readonly Expr[]): Expr[] | null {
  const ends = new Set<number>();
  const canEnd = (expr: Expr): boolean => {
    switch (expr.kind) {
      case 'text':
        return true;
      case 'class':
        return expr.ranges.length > 0;
      case 'loop':
        return expr.min <= expr.max && (expr.min === 0 || expr.unit.ranges.length > 0);
      case 'seq':
        return expr.items.every(canEnd);
      case 'alt':
        return expr.items.some(canEnd);
      case 'repeat':
        return expr.min <= expr.max && (expr.min === 0 || canEnd(expr.item));
      case 'rule':
        return ends.has(expr.rule);
    }
  };
  grow(rules, ends, canEnd);
  if (!ends.has(0)) return null;
  const pruned = (expr: Expr): Expr => {
    switch (expr.kind) {
      case 'seq':
        return seq(...expr.items.map(pruned));
      case 'alt':
        return alt(...expr.items.filter(canEnd).map(pruned));
      case 'repeat':
        return canEnd(expr.item) ? { ...expr, item: pruned(expr.item) } : repeat(seq(), 0, 0);
      default:
        return expr;
    }
  };
  return rules.map((expr, rule) => (ends.has(rule) ? pruned(expr) : seq()));
}

/** A rule that begins with itself, which would be called without end; -1 where none does. */
export function leftRecursive(rules: readonly Expr[]): number {
  const empty = new Set<number>();
  const mayBeEmpty = (expr: Expr): boolean => {
    switch (expr.kind) {
      case 'text':
        return expr.text === '';
      case 'class':
        return false;
      case 'loop':
        return expr.min === 0;
      case 'seq':
        return expr.items.every(mayBeEmpty);
      case 'alt':
        return expr.items.some(mayBeEmpty);
      case 'repeat':
        return expr.min === 0 || mayBeEmpty(expr.item);
      case 'rule':
        return empty.has(expr.rule);
    }
  };
  grow(rules, empty, mayBeEmpty);
  const firstCalls = (expr: Expr): number[] => {
    switch (expr.kind) {
      case 'rule':
        return [expr.rule];
      case 'repeat':
        return firstCalls(expr.item);
      case 'alt':
        return expr.items.flatMap(firstCalls);
      case 'seq': {
        const solid = expr.items.findIndex((item) => !mayBeEmpty(item));
        return expr.items.slice(0, solid === -1 ? undefined : solid + 1).flatMap(firstCalls);
      }
      default:
        return [];
    }
  };
  const calls = rules.map((expr) => [...new Set(firstCalls(expr))]);
  const state = new Uint8Array(rules.length);
  for (const root of rules.keys()) {
    const path: { rule: number; at: number }[] = state[root] === 0 ? [{ rule: root, at: 0 }] : [];
    while (path.length > 0) {
      const top = path.at(-1)!;
      state[top.rule] = 1;
      const next = calls[top.rule]![top.at++];
      if (next === undefined) {
        state[top.rule] = 2;
        path.pop();
      } else if (state[next] === 1) return next;
      else if (state[next] === 0) path.push({ rule: next, at: 0 });
    }
  }
  return -1;
}

/** Adds rules until none holds any more that did not. */
function grow(rules: readonly Expr[], holds: Set<number>, test: (expr: Expr) => boolean): void {
  for (let before = -1; before !== holds.size; ) {
    before = holds.size;
    for (const [rule, expr] of rules.entries()) if (!holds.has(rule) && test(expr)) holds.add(rule);
  }
}
