import { createHash } from 'node:crypto';
import { type Command, InvalidArgumentError } from 'commander';
import type { Deployment } from '../../contracts/registry.js';
import { comparisonName } from '../../contracts/registry-limits.js';
import { type AskedBoth, askBoth, type ComparedVersion } from '../../evaluation/ask-both.js';
import { type Comparison, compareAnswers, type MetricComparison, type Wins } from '../../evaluation/compare.js';
import { type ComparedQuestion, readQuestions, spread } from '../../evaluation/questions.js';
import { readTextFile } from '../../files/text-file.js';
import { type Api, ApiFailure, adminApi, path } from '../api.js';
import { parseNumber, tenantOption } from '../options.js';
import { formatTable, progressLine, type Terminal } from '../terminal.js';
import { addEvalRuns } from './eval-runs.js';

interface CompareOptions {
  readonly tenant: string;
  readonly tenantKey?: string;
  readonly questions?: string;
  readonly sample?: number;
  readonly maxTokens: number;
  readonly concurrency: number;
  readonly keep: boolean;
  readonly gate?: true;
}

/** Clusters of a table; `--json` has all. */
const SHOWN_CLUSTERS = 12;
const OUTCOMES = { pass: 1, inconclusive: 0, fail: -1 } as const;

export function addEval(program: Command, terminal: Terminal): void {
  const evaluation = program.command('eval').description('measure versions');
  addEvalRuns(evaluation, terminal);

  evaluation
    .command('compare')
    .argument('<deployment>')
    .argument('<from>', 'a version, as 3, or stable', parseWhich)
    .argument('<to>', 'the version that may be better', parseWhich)
    .description(
      'ask two versions the same questions, with the same passages, and keep how they compare in the lineage of the second',
    )
    .addOption(tenantOption())
    .option('--tenant-key <key>', 'asks the questions; --key where left out, which keeps the report')
    .option('--questions <file>', 'JSON lines; what reviewers accepted as answers where left out')
    .option('--sample <count>', 'ask so many of them', parseNumber)
    .option('--max-tokens <count>', 'of an answer', parseNumber, 128)
    .option('--concurrency <count>', 'questions at once', parseNumber, 2)
    .option('--no-keep', 'leave the lineage as it is')
    .option('--gate', 'exit with 1 unless it passes')
    .action(async (name: string, from: string, to: string, options: CompareOptions, command: Command) => {
      const { url, key, json } = command.optsWithGlobals<{ url: string; key?: string; json?: boolean }>();
      const { tenant, tenantKey = key, maxTokens, concurrency, keep, gate } = options;
      if (tenantKey === undefined)
        command.error("error: name the tenant's key with --tenant-key, --key or SWITCHYARD_KEY");
      const api = adminApi(command);
      const deployment = await api.get<Deployment>(path`/admin/tenants/${tenant}/deployments/${name}`);
      const versions = { from: toVersion(deployment, from), to: toVersion(deployment, to) };
      const questions = await questionsOf(api, options);
      const progress = progressLine(terminal);
      const asked = await askBoth({
        ...{ url, key: tenantKey!, questions, maxTokens, concurrency },
        from: versions.from.asked,
        to: versions.to.asked,
        onProgress: (done, total) => progress.update('Asking both', `${done} of ${total}`),
      });
      progress.clear();
      if (asked.pairs.length === 0) {
        throw new ApiFailure(
          null,
          'To no question the two were given the same passages. Ask again while nothing is ingested.',
        );
      }
      const comparison = compareAnswers(asked.pairs);
      if (keep) await keepReport(api, deployment, tenant, versions, { comparison, asked, questions });
      terminal.out(
        json ? `${JSON.stringify({ ...comparison, ...asked }, null, 2)}\n` : format(from, to, comparison, asked),
      );
      if (gate && comparison.outcome !== 'pass') {
        throw new ApiFailure(null, `The comparison is ${comparison.outcome}; it must pass.`);
      }
    });
}

interface Named {
  /** 0: the base. */
  readonly version: number;
  readonly asked: ComparedVersion;
}

function toVersion({ name, adapter, stableVersion }: Deployment, text: string): Named {
  if (text === 'stable') return { version: stableVersion ?? 0, asked: { model: name, isStable: true } };
  if (adapter === null) throw new ApiFailure(null, `${name} serves the bare base, so it has no version ${text}.`);
  const version = Number(text);
  return { version, asked: { model: `${name}@${version}`, isStable: false } };
}

function parseWhich(text: string): string {
  if (text === 'stable' || /^[1-9]\d{0,8}$/.test(text)) return text;
  throw new InvalidArgumentError('It must be a number or stable.');
}

async function questionsOf(api: Api, { tenant, questions: file, sample }: CompareOptions): Promise<ComparedQuestion[]> {
  const place = file ?? 'training-examples';
  const text =
    file === undefined
      ? await new Response(await api.stream(path`/admin/tenants/${tenant}/training-examples`)).text()
      : readTextFile(file);
  const all = readQuestions(text, place);
  if (all.length === 0) throw new ApiFailure(null, `There is no question in ${place}. Name a file with --questions.`);
  return sample === undefined ? all : spread(all, sample);
}

async function keepReport(
  api: Api,
  { name, adapter }: Deployment,
  tenant: string,
  { from, to }: { readonly from: Named; readonly to: Named },
  {
    comparison,
    asked,
    questions,
  }: { comparison: Comparison; asked: AskedBoth; questions: readonly ComparedQuestion[] },
): Promise<void> {
  if (adapter === null || to.version === 0) return;
  const { outcome, wins, ties, losses, winRate, interval, metrics } = comparison;
  const figures = {
    ...{
      against: from.version,
      outcome: OUTCOMES[outcome],
      questions: comparison.questions,
      left_out: asked.leftOut.length,
    },
    ...{ wins, ties, losses, win_rate: winRate, win_rate_low: interval.low, win_rate_high: interval.high },
    ...Object.fromEntries(metrics.flatMap(figuresOf)),
  };
  const dataDigest = createHash('sha256').update(JSON.stringify(questions)).digest('hex');
  const url = path`/admin/tenants/${tenant}/adapters/${adapter}/versions/${String(to.version)}/evaluations`;
  await api.send('POST', url, { name: comparisonName(name), figures, dataDigest });
}

function figuresOf({ metric, from, to, difference }: MetricComparison): (readonly [string, number])[] {
  return [
    [`${metric}_from`, from],
    [`${metric}_to`, to],
    [`${metric}_difference_low`, difference.low],
    [`${metric}_difference_high`, difference.high],
  ];
}

function format(from: string, to: string, comparison: Comparison, { leftOut }: AskedBoth): string {
  const { metrics, clusters, outcome, questions } = comparison;
  const out = leftOut.length === 0 ? '' : ` ${leftOut.length} were left out: the passages changed.`;
  const parts = [
    `${to} against ${from}: ${outcome}, over ${questions} questions.${out}\n`,
    formatTable(metrics.map((metric) => toMetricRow(metric, from, to))),
    formatTable([{ cluster: 'all', ...comparison }, ...clusters].slice(0, SHOWN_CLUSTERS + 1).map(toWinRow)),
  ];
  return parts.join('\n');
}

function toMetricRow(
  { metric, critical, questions, difference, outcome, ...means }: MetricComparison,
  from: string,
  to: string,
) {
  return {
    metric: critical ? metric : `(${metric})`,
    questions,
    [nameOf(from)]: figure(means.from),
    [nameOf(to)]: figure(means.to),
    difference: `${figure(difference.low)} to ${figure(difference.high)}`,
    verdict: outcome,
  };
}

function toWinRow({ cluster, questions, wins, ties, losses, winRate, interval }: Wins & { readonly cluster: string }) {
  const rate = `${percent(winRate)} (${percent(interval.low)} to ${percent(interval.high)})`;
  return { cluster, questions, wins, ties, losses, 'win rate': rate };
}

/** A number alone would be sorted before all other columns. */
const nameOf = (version: string): string => (version === 'stable' ? version : `version ${version}`);
const figure = (value: number): string => value.toFixed(3);
const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;
