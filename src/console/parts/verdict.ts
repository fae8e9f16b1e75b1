import type { MetricVerdict, Outcome, Verdict } from '../../contracts/rollouts.js';
import { h } from '../dom.js';
import { count, milliseconds, percent, score, words } from '../format.js';
import { badge, empty, facts, section, type Tone } from './layout.js';
import { table } from './table.js';

const TONES: Readonly<Record<Outcome, Tone>> = { pass: 'good', fail: 'bad', inconclusive: 'plain' };
const TIMES = new Set(['time_to_first_token', 'time_per_output_token']);
const RATIOS = new Set([...TIMES, 'length']);

/** The judge's opinion with its figures. */
export function verdictPanel(title: string, verdict: Verdict): HTMLElement {
  const { outcome, reason, stableAnswers, canaryAnswers, shadowAnswers, shareReached, metrics } = verdict;
  return section(
    title,
    { actions: [badge(words(outcome), TONES[outcome])] },
    h('p', {}, reason),
    facts([
      ['Answers of the stable version', count(stableAnswers)],
      ['Answers of the canary', count(canaryAnswers)],
      ['Of the canary, unseen', count(shadowAnswers)],
      ['Share that the canary got', shareReached === null ? '–' : `${shareReached.toFixed(1)} %`],
    ]),
    table<MetricVerdict>(
      title,
      [
        { title: 'Metric', cell: ({ metric, critical }) => [words(metric), critical && [' ', badge('critical')]] },
        { title: 'Stable', cell: (one) => shownValue(one, one.stable), isNumber: true },
        { title: 'Canary', cell: (one) => shownValue(one, one.canary), isNumber: true },
        { title: 'Worse by', cell: effectOf, isNumber: true },
        { title: 'Evidence of worse', cell: ({ evidenceOfWorse }) => evidence(evidenceOfWorse), isNumber: true },
        { title: 'Evidence of good', cell: ({ evidenceOfGood }) => evidence(evidenceOfGood), isNumber: true },
        { title: 'Says', cell: (one) => badge(words(one.outcome), TONES[one.outcome]) },
      ],
      metrics,
      empty('Nothing is measured yet.'),
    ),
    h(
      'p',
      { class: 'hint' },
      'Evidence of x: the chance that it misleads is at most 1 in x, at whatever time one looks.',
    ),
  );
}

function shownValue({ metric }: MetricVerdict, value: number | null): string {
  if (TIMES.has(metric)) return milliseconds(value);
  return metric === 'length' ? count(value) : score(value);
}

/** Below 0: better. */
function effectOf({ metric, effect }: MetricVerdict): string {
  if (effect === null) return '–';
  return RATIOS.has(metric) ? percent(effect) : `${(100 * effect).toFixed(1)} points`;
}

export function evidence(value: number): string {
  return value >= 1000 ? '> 1,000' : value.toFixed(value >= 10 ? 0 : 2);
}
