import type { ArmComparison, ArmReport, ExperimentOutcome, ExperimentReport } from '../../contracts/experiments.js';
import { h } from '../dom.js';
import { count, percent, score, words } from '../format.js';
import { badge, empty, section, type Tone } from './layout.js';
import { table } from './table.js';
import { evidence } from './verdict.js';

const TONES: Partial<Readonly<Record<ExperimentOutcome, Tone>>> = { winner: 'good', harmful: 'bad' };

/** How the arms of an experiment compare, with the figures. */
export function experimentPanel(
  title: string,
  { goal, outcome, reason, arms, comparisons }: ExperimentReport,
): HTMLElement {
  const isCost = goal === 'cost';
  return section(
    title,
    { actions: [badge(words(outcome), TONES[outcome] ?? 'plain')] },
    h('p', {}, `By ${goal}: ${reason}`),
    table<ArmReport>(
      `${title}: arms`,
      [
        { title: 'Arm', cell: ({ name }) => h('code', {}, name) },
        { title: 'Weight', cell: ({ weight }) => `${weight} %`, isNumber: true },
        { title: 'Answers', cell: ({ answers }) => count(answers), isNumber: true },
        { title: 'That tell', cell: ({ told }) => count(told), isNumber: true },
        {
          title: isCost ? 'Tokens' : 'Mean',
          cell: ({ value }) => (isCost ? count(value) : score(value)),
          isNumber: true,
        },
        { title: 'Beside the first', cell: ({ verdict }) => verdict?.reason ?? '–' },
      ],
      arms,
      empty('There are no arms.'),
    ),
    table<ArmComparison>(
      `${title}: each two arms`,
      [
        { title: 'Is better', cell: ({ better }) => h('code', {}, better) },
        { title: 'Than', cell: ({ than }) => h('code', {}, than) },
        { title: 'By', cell: ({ effect }) => percent(effect), isNumber: true },
        { title: 'Evidence', cell: ({ evidenceOfBetter }) => evidence(evidenceOfBetter), isNumber: true },
        { title: 'Evidence of close', cell: ({ evidenceOfClose }) => evidence(evidenceOfClose), isNumber: true },
      ],
      comparisons,
      empty('Nothing is compared yet.'),
    ),
  );
}
