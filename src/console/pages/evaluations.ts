import type { AdapterVersion } from '../../contracts/registry.js';
import { path } from '../api.js';
import { type Context, tenantOf } from '../context.js';
import { fill, h } from '../dom.js';
import { percent, time, version } from '../format.js';
import { ask } from '../parts/dialog.js';
import { reasonField, reasonHeader } from '../parts/fields.js';
import { isOver, jobState, leftOf, whenOver } from '../parts/job-state.js';
import { button, empty, failure, link, page, rowButton, section } from '../parts/layout.js';
import { poll } from '../parts/poll.js';
import { isAskable, startEvaluation } from '../parts/start-evaluation.js';
import { type Column, table } from '../parts/table.js';
import { hashOf } from '../router.js';
import type { EvaluationRunWire } from '../wire.js';

const EVERY_MS = 2000;
const FIGURES = [
  ['fact', 'Fact'],
  ['fact_cited', 'Cited right'],
  ['right_refusals', 'Right refusals'],
  ['false_refusals', 'False refusals'],
] as const;

/** What versions are asked behind everything else, how far that is, and what came of it. */
export async function evaluations(context: Context): Promise<HTMLElement> {
  const { admin } = context;
  const tenant = tenantOf(context);
  const all = await admin.list<AdapterVersion>(path`/admin/tenants/${tenant}/adapters`);
  const versions = all.filter(isAskable).toReversed();
  const runs = h('div', {});
  const trouble = h('div', {});
  const tell = whenOver<EvaluationRunWire>((run) => context.say(endOf(run)));
  const refresh = async () => {
    const all = await admin.list<EvaluationRunWire>(path`/admin/tenants/${tenant}/evaluation-runs`);
    if (context.left.aborted) return;
    fill(runs, runsTable(context, all, look));
    tell(all);
  };
  const failed = (error: unknown) => fill(trouble, error !== null && failure(error));
  const look = () => void refresh().catch(failed);
  const start = async () => {
    if ((await startEvaluation(context, versions)) !== null) look();
  };
  await refresh();
  poll(context.left, EVERY_MS, refresh, failed);
  return page(
    'Evaluations',
    {
      lead: `Questions whose answers are known, that versions of ${tenant} are asked behind everything else. They count for no quota and no rollout; what comes of them stays with the version.`,
      actions: [versions.length > 0 && button('Start an evaluation', () => void start(), 'main')],
    },
    section('Of the last week', {}, trouble, runs),
  );
}

function runsTable(context: Context, runs: readonly EvaluationRunWire[], changed: () => void): HTMLElement {
  return table<EvaluationRunWire>(
    'Evaluations',
    [
      { title: 'Questions', cell: (run) => questionsOf(run) },
      { title: 'Version', cell: (run) => versionOf(run) },
      { title: 'State', cell: runState },
      ...FIGURES.map(
        ([name, title]): Column<EvaluationRunWire> => ({
          title,
          cell: ({ figures }) => percent(figures?.[name]),
          isNumber: true,
        }),
      ),
      { title: 'Asked for', cell: ({ createdAt }) => time(createdAt) },
      {
        title: 'Cancel',
        isAction: true,
        cell: (run) =>
          !isOver(run) && rowButton('Cancel', aboutRun(run), () => void cancelEvaluation(context, run, changed)),
      },
    ],
    runs,
    empty(
      'No evaluations in this time.',
      'Start one with a set of questions. Reports of earlier ones stand with their version.',
    ),
  );
}

function questionsOf(run: EvaluationRunWire) {
  return [
    link(hashOf('evaluations', run.tenant, run.id), h('strong', {}, run.name)),
    h('p', { class: 'hint text' }, `${run.questions} questions, ${modeOf(run)}`),
  ];
}

function versionOf({ tenant, adapter, version: number, deployment }: EvaluationRunWire) {
  const about = version(adapter, number);
  return [
    link(hashOf('adapters', tenant, about), about),
    h('p', { class: 'hint' }, 'as ', link(hashOf('deployments', tenant, deployment), deployment)),
  ];
}

/** How passages are given. */
export function modeOf({ retrieval }: Pick<EvaluationRunWire, 'retrieval'>): string {
  if (retrieval === null) return 'passages as the deployment has it';
  if (!retrieval.enabled) return 'without passages';
  const { topK, minScore } = retrieval;
  const limits = [topK !== null && `at most ${topK}`, minScore !== null && `from score ${minScore} on`].filter(Boolean);
  return limits.length === 0 ? 'with passages' : `passages ${limits.join(', ')}`;
}

export function runState(run: EvaluationRunWire) {
  return jobState(run, 'asking', leftOf(run.estimatedSecondsLeft));
}

const aboutRun = ({ name, adapter, version: number }: EvaluationRunWire) => `${name} of ${version(adapter, number)}`;

/** A sentence about one that is over. */
export function endOf(run: EvaluationRunWire): string {
  const { status, figures } = run;
  const found = FIGURES.map(([name, title]) => `${title.toLowerCase()} ${percent(figures?.[name])}`).join(', ');
  return `${aboutRun(run)} is ${status}${figures === null ? '.' : `: ${found}.`}`;
}

export async function cancelEvaluation(context: Context, run: EvaluationRunWire, changed: () => void): Promise<void> {
  const isDone = await ask({
    title: `Cancel ${aboutRun(run)}?`,
    text: 'What was answered can be read for a week; there will be no figures.',
    fields: [reasonField()],
    action: 'Cancel the evaluation',
    isDangerous: true,
    submit: (values) =>
      context.admin.send(
        'POST',
        path`/admin/tenants/${run.tenant}/evaluation-runs/${run.id}/cancel`,
        null,
        reasonHeader(values.text('reason')),
      ),
  });
  if (isDone) changed();
}
