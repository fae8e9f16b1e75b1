import { path } from '../api.js';
import { type Context, tenantOf } from '../context.js';
import { type Child, fill, h } from '../dom.js';
import { percent, time, version, words } from '../format.js';
import { select } from '../parts/fields.js';
import { isOver } from '../parts/job-state.js';
import { badge, button, empty, facts, failure, link, page, section } from '../parts/layout.js';
import { poll } from '../parts/poll.js';
import { table } from '../parts/table.js';
import { hashOf } from '../router.js';
import type { EvaluationAnswerWire, EvaluationRunWire } from '../wire.js';
import { cancelEvaluation, endOf, modeOf, runState } from './evaluations.js';

const EVERY_MS = 2000;
/** Of a page of answers. */
const ANSWERS = 500;

/** One evaluation: what came of it, and what was answered. */
export async function evaluation(context: Context): Promise<HTMLElement> {
  const { admin } = context;
  const url = path`/admin/tenants/${tenantOf(context)}/evaluation-runs/${context.place.item!}`;
  let [run, given] = await Promise.all([admin.get<EvaluationRunWire>(url), answersOf()]);
  let isWrongAlone = false;
  const [state, answers] = [h('div', { class: 'page' }), h('div', {})];
  const [newer, trouble] = [h('div', {}), h('div', {})];
  const failed = (error: unknown) => fill(trouble, error !== null && failure(error));
  const refresh = async () => {
    if (isOver(run)) return;
    run = await admin.get<EvaluationRunWire>(url);
    if (context.left.aborted) return;
    showState();
    if (!isOver(run)) return;
    context.say(endOf(run));
    await readAnswers();
  };
  const look = () => void refresh().catch(failed);
  showState();
  showAnswers();
  poll(context.left, EVERY_MS, refresh, failed);
  const { tenant, adapter, deployment } = run;
  const about = version(adapter, run.version);
  return page(
    run.name,
    {
      lead: [
        'What ',
        link(hashOf('adapters', tenant, about), about),
        ' answered as ',
        link(hashOf('deployments', tenant, deployment), deployment),
        '. ',
        link(hashOf('evaluations', tenant), 'All evaluations'),
      ],
    },
    trouble,
    state,
    section(
      'Answers',
      { actions: [newer] },
      h(
        'div',
        { class: 'row' },
        select('Shown', { onchange: choose }, [
          ['all', 'all answers'],
          ['wrong', 'what is not right'],
        ]),
      ),
      answers,
    ),
  );

  function answersOf(): Promise<readonly EvaluationAnswerWire[]> {
    return admin.list<EvaluationAnswerWire>(`${url}/answers?limit=${ANSWERS}`);
  }

  /** When it is asked for, and at the end: whoever reads answers is not interrupted by those that come. */
  async function readAnswers(): Promise<void> {
    given = await answersOf();
    showAnswers();
  }

  function choose(event: Event): void {
    isWrongAlone = (event.target as HTMLSelectElement).value === 'wrong';
    showAnswers();
  }

  function showState(): void {
    const cancel = button('Cancel', () => void cancelEvaluation(context, run, look), 'danger');
    fill(
      state,
      section('State', { actions: isOver(run) ? [] : [cancel] }, facts(stateFacts(run))),
      run.figures !== null && section('Figures', {}, facts(figureFacts(run.figures))),
    );
    fill(newer, !isOver(run) && button('Show the newest', () => void readAnswers().catch(failed)));
  }

  function showAnswers(): void {
    fill(answers, answersTable(isWrongAlone ? given.filter(({ right }) => !right) : given));
  }
}

function stateFacts(run: EvaluationRunWire): [string, Child][] {
  const { answered, questions, createdAt, startedBy, finishedAt, report } = run;
  return [
    ['State', runState(run)],
    ['Answered', `${answered} of ${questions}`],
    ['Passages', modeOf(run)],
    ['Asked for', [time(createdAt), ' by ', h('code', {}, startedBy)]],
    ['Over', finishedAt === null ? '–' : time(finishedAt)],
    ['Report of the version', report === null ? 'none' : `number ${report}`],
    ['Digest of the questions', h('code', { class: 'digest' }, run.dataDigest)],
  ];
}

function figureFacts(figures: Readonly<Record<string, number>>): [string, string][] {
  return Object.entries(figures).map(([name, value]) => [
    words(name),
    name === 'questions' ? `${value}` : percent(value),
  ]);
}

function answersTable(answers: readonly EvaluationAnswerWire[]): HTMLElement {
  return table<EvaluationAnswerWire>(
    'Answers',
    [
      { title: 'Question', cell: ({ id, question }) => [textOf(question), h('p', { class: 'hint' }, id)] },
      { title: 'Answer', cell: ({ answer }) => textOf(answer ?? 'not kept') },
      { title: 'Worth', cell: (answer) => worthOf(answer) },
    ],
    answers,
    empty('Nothing to show.', 'Answers come here as they are given.'),
  );
}

const textOf = (text: string) => h('p', { class: 'text' }, text);

function worthOf({ right, score }: EvaluationAnswerWire): Child {
  const why = [
    score.answerable ? (score.found ? 'the fact was given' : 'the fact was not found') : 'has no answer',
    score.factCited && 'cited right',
    score.refused && 'refused',
  ].filter(Boolean);
  return [right ? badge('right', 'good') : badge('wrong', 'bad'), h('p', { class: 'hint' }, why.join(', '))];
}
