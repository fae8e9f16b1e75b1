import { type Command, InvalidArgumentError, Option } from 'commander';
import { readDataset } from '../../evaluation/dataset.js';
import { sample } from '../../evaluation/question-lines.js';
import { FIGURES, figureCells } from '../../evaluation/report.js';
import { type Api, ApiFailure, adminApi, path } from '../api.js';
import { parseNumber, parseVersion, tenantOption } from '../options.js';
import { show } from '../show.js';
import { formatBar, formatDuration, formatTable, formatTime, progressLine, type Terminal } from '../terminal.js';
import { requireCompleted, untilOver, waitOption } from '../wait.js';

/** The parts of the API's runs that are shown here. */
interface Run {
  readonly id: string;
  readonly adapter: string;
  readonly version: number;
  readonly deployment: string;
  readonly questions: number;
  readonly answered: number;
  readonly status: string;
  readonly progress: number;
  readonly estimatedSecondsLeft: number | null;
  readonly error: { readonly message: string } | null;
  readonly createdAt: number;
  readonly figures: Readonly<Record<string, number>> | null;
  readonly report: number | null;
}

interface Answer {
  readonly id: string;
  readonly question: string;
  readonly answer: string | null;
  readonly right: boolean;
}

interface RunOptions {
  readonly tenant: string;
  readonly questions: string;
  readonly sample?: number;
  readonly deployment?: string;
  readonly name?: string;
  readonly topK?: number;
  readonly minScore?: number;
  readonly retrieval: boolean;
  readonly wait?: true;
  readonly require?: readonly Required[];
}

interface Required {
  readonly figure: string;
  readonly atLeast: boolean;
  readonly bound: number;
}

/** What may be required: a name that there is not would be found out behind all questions. */
const KNOWN = ['questions', ...FIGURES];
const LOOK_EVERY_MS = 1000;
/** Of answers, in one request. */
const PAGE = 1000;

/** Evaluations that the gateway runs; `eval compare` asks from here. */
export function addEvalRuns(evaluation: Command, terminal: Terminal): void {
  const requireOption = () =>
    new Option(
      '--require <condition...>',
      "as 'fact>=0.8' or 'false_refusals<=0.1', in quotes: exit with 1 where it does not hold",
    )
      .argParser(parseRequired)
      .implies({ wait: true });

  evaluation
    .command('run')
    .argument('<adapter@version>', 'the version that is asked', parseVersion)
    .description('ask a version questions whose answers are known, in the gateway, behind everything else')
    .addOption(tenantOption())
    .requiredOption('--questions <file>', 'JSON lines of id, question, answerable, accept and document')
    .option('--sample <count>', 'ask so many of them', parseNumber)
    .option('--deployment <name>', 'whose instructions, documents and policy; the only one of the adapter if left out')
    .option('--name <name>', 'of the report among the evaluations of the version')
    .option('--top-k <count>', 'passages, instead of what the deployment says', parseNumber)
    .option('--min-score <score>', 'of a passage, instead of what the deployment says', parseNumber)
    .option('--no-retrieval', 'without passages')
    .addOption(waitOption())
    .addOption(requireOption())
    .action(async (asked: ReturnType<typeof parseVersion>, options: RunOptions, command: Command) => {
      const { tenant, sample: count, deployment, name } = options;
      const all = readDataset(options.questions);
      const api = adminApi(command);
      const run = await api.send<Run>('POST', path`/admin/tenants/${tenant}/evaluation-runs`, {
        ...{ ...asked, deployment, name, ...retrievalOf(options) },
        questions: count === undefined ? all : sample(all, count),
      });
      if (options.wait) return followed(api, tenant, run, options.require, command);
      showRuns(command, run, [run]);
      terminal.err(`"switchyard eval show ${run.id} --tenant ${tenant} --wait" shows how far it is.\n`);
    });

  evaluation
    .command('list')
    .description('list evaluations that wait, run, or were over in the last week')
    .addOption(tenantOption())
    .action(async ({ tenant }: { tenant: string }, command: Command) => {
      const runs = await adminApi(command).list<Run>(path`/admin/tenants/${tenant}/evaluation-runs`);
      showRuns(command, runs, runs);
    });

  evaluation
    .command('show <id>')
    .description('how far an evaluation is, and what came of it')
    .addOption(tenantOption())
    .addOption(waitOption())
    .addOption(requireOption())
    .option('--answers', 'what was answered, and whether it is right')
    .option('--wrong', 'of these, what is not right')
    .action(
      async (
        id: string,
        { tenant, wait, require, answers, wrong }: RunOptions & { answers?: true; wrong?: true },
        command: Command,
      ) => {
        const api = adminApi(command);
        if (answers || wrong) {
          const url = path`/admin/tenants/${tenant}/evaluation-runs/${id}/answers`;
          const all = await answersOf(api, url);
          const shown = wrong ? all.filter(({ right }) => !right) : all;
          return show(terminal, command, shown, shown.map(toAnswerRow));
        }
        const run = await api.get<Run>(path`/admin/tenants/${tenant}/evaluation-runs/${id}`);
        if (wait) return followed(api, tenant, run, require, command);
        showRuns(command, run, [run]);
      },
    );

  evaluation
    .command('cancel <id>')
    .description('call off an evaluation; one that is over stays as it is')
    .addOption(tenantOption())
    .action(async (id: string, { tenant }: { tenant: string }, command: Command) => {
      const run = await adminApi(command).send<Run>(
        'POST',
        path`/admin/tenants/${tenant}/evaluation-runs/${id}/cancel`,
      );
      showRuns(command, run, [run]);
    });

  function showRuns(command: Command, result: unknown, runs: readonly Run[]): void {
    show(terminal, command, result, runs.map(toRow));
    const { json } = command.optsWithGlobals<{ json?: boolean }>();
    const [only] = runs;
    if (!json && runs.length === 1 && only?.figures) terminal.out(`\n${formatTable([figureCells(only.figures)])}`);
  }

  /** Shows how far it is until it is over. @throws ApiFailure where it failed, was called off, or is not good enough */
  async function followed(
    api: Api,
    tenant: string,
    begun: Run,
    required: readonly Required[] = [],
    command: Command,
  ): Promise<void> {
    const progress = progressLine(terminal);
    const showProgress = (run: Run) => {
      const left = run.estimatedSecondsLeft;
      const rest = left === null ? '' : `, ${formatDuration(left)} left`;
      const step = run.status === 'queued' ? `${run.id} waits` : `${run.id}: asking ${run.adapter}@${run.version}`;
      progress.update(step, `${formatBar(run.progress)} of ${run.questions}${rest}`);
    };
    const look = () => api.get<Run>(path`/admin/tenants/${tenant}/evaluation-runs/${begun.id}`);
    const run = await untilOver(begun, LOOK_EVERY_MS, showProgress, look);
    progress.clear();
    showRuns(command, run, [run]);
    requireCompleted(run);
    const broken = required.filter(({ figure, atLeast, bound }) => {
      const value = run.figures?.[figure];
      return value === undefined || (atLeast ? value < bound : value > bound);
    });
    if (broken.length === 0) return;
    const said = broken.map(({ figure, atLeast, bound }) => `${figure} ${atLeast ? '>=' : '<='} ${bound}`).join(', ');
    throw new ApiFailure(null, `It does not hold that ${said}.`);
  }
}

function retrievalOf({ retrieval: enabled, topK, minScore }: RunOptions) {
  return enabled && topK === undefined && minScore === undefined ? {} : { retrieval: { enabled, topK, minScore } };
}

/** All pages of them. */
async function answersOf(api: Api, url: string): Promise<Answer[]> {
  const all: Answer[] = [];
  for (let after: string | null = ''; after !== null; ) {
    const behind: string = after === '' ? '' : `&after=${after}`;
    const page: { data: Answer[]; next: string | null } = await api.get(`${url}?limit=${PAGE}${behind}`);
    all.push(...page.data);
    after = page.next;
  }
  return all;
}

function parseRequired(text: string, before: readonly Required[] = []): Required[] {
  const match = /^([a-z_]+)(>=|<=)(\d+(?:\.\d+)?)$/.exec(text);
  if (!match)
    throw new InvalidArgumentError("It must look like 'fact>=0.8', in quotes, as a shell takes > and < for itself.");
  const [figure, sign, bound] = match.slice(1) as [string, string, string];
  if (!KNOWN.includes(figure)) throw new InvalidArgumentError(`${figure} is none of ${KNOWN.join(', ')}.`);
  return [...before, { figure, atLeast: sign === '>=', bound: Number(bound) }];
}

function toRow({ id, adapter, version, deployment, status, questions, report, error, ...run }: Run) {
  const left = run.estimatedSecondsLeft;
  return {
    id,
    version: `${adapter}@${version}`,
    deployment,
    status,
    answered: `${run.answered} of ${questions}`,
    left: left === null ? null : formatDuration(left),
    started: formatTime(run.createdAt),
    report,
    reason: error?.message ?? null,
  };
}

function toAnswerRow({ id, question, answer, right }: Answer) {
  return { id, right: right ? 'yes' : 'no', question, answer: answer?.replaceAll('\n', ' ') ?? null };
}
