import { type Finder, firstOf } from '../patterns/finder.js';
import { patternFinder } from '../patterns/pattern.js';
import { KINDS, type PersonalKind } from './kinds.js';

/** Finds personal data of some kinds; a span's label is its kind. */
export function personalFinder(kinds: readonly PersonalKind[]): Finder {
  const each = firstOf(
    kinds.map((kind) => {
      const { pattern, isOne } = KINDS[kind];
      const accept = (candidate: string) => longest(candidate, isOne);
      return patternFinder(pattern, kind, { label: kind, ignoreCase: false, accept });
    }),
  );
  // One pass says of most texts that there is none.
  const any = patternFinder(kinds.map((kind) => KINDS[kind].pattern).join('|'), 'kinds', {
    label: '',
    ignoreCase: false,
  });
  return {
    find(text, from) {
      const candidate = any.find(text, from);
      return candidate && each.find(text, candidate.start);
    },
    openFrom: any.openFrom,
  };
}

/** A number behind another one looks like its end: what is left without the last words may be one all the same. */
function longest(candidate: string, isOne: (candidate: string) => boolean): number {
  let end = candidate.length;
  while (end > 0) {
    if (isOne(candidate.slice(0, end))) return end;
    end = Math.max(candidate.lastIndexOf(' ', end - 1), candidate.lastIndexOf('-', end - 1), 0);
  }
  return 0;
}
