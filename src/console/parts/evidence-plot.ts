import type { Verdict } from '../../contracts/rollouts.js';
import { chart } from './chart.js';
import { evidence } from './verdict.js';

/** What the judge saw, and when. */
export interface Seen {
  readonly atMs: number;
  readonly verdict: Verdict;
}

export interface EvidencePlot {
  readonly element: HTMLElement;
  /** In their order. */
  update(seen: readonly Seen[]): void;
}

/** By powers of ten, as evidence grows by factors. */
const format = (power: number | null): string => (power === null ? '–' : evidence(10 ** power));

/** How the evidence of what is critical grew: the most against the canary, and the least for it, which both decide. */
export function evidencePlot(left: AbortSignal): EvidencePlot {
  const { element, update } = chart(
    'Evidence in what is critical',
    [
      { label: 'that it is good, at least', colour: '--line-1', format },
      { label: 'that it is worse, at most', colour: '--line-2', format },
    ],
    left,
  );
  return {
    element,
    update(seen) {
      const of = (read: (verdict: Verdict) => number | null) => seen.map(({ verdict }) => read(verdict));
      update(
        seen.map(({ atMs }) => atMs),
        [
          of((verdict) => powerOf(verdict, 'evidenceOfGood', Math.min)),
          of((verdict) => powerOf(verdict, 'evidenceOfWorse', Math.max)),
        ],
      );
    },
  };
}

function powerOf(
  { metrics }: Verdict,
  which: 'evidenceOfGood' | 'evidenceOfWorse',
  extreme: (...values: number[]) => number,
): number | null {
  const told = metrics.filter(({ critical, blocks }) => critical && blocks > 0).map((metric) => metric[which]);
  return told.length === 0 ? null : Math.max(0, Math.log10(extreme(...told)));
}
