import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Deployment } from '../../contracts/registry.js';
import type { MetricPolicy, MetricVerdict, RolloutEvent, RolloutPlan, Verdict } from '../../contracts/rollouts.js';
import { adminApi, path } from '../api.js';
import { groupsOption, parseNumber, shadowOption, tenantOption } from '../options.js';
import { show } from '../show.js';
import { formatEffect, formatFigure, formatTable, formatTime, type Terminal } from '../terminal.js';
import { watch as watchStatus } from '../watch.js';

interface Status {
  readonly deployment: Deployment;
  readonly verdict: Verdict;
}
interface StartOptions {
  readonly tenant: string;
  readonly version: number;
  readonly groups?: readonly string[] | false;
  readonly shadow?: number;
  readonly steps?: readonly string[];
  readonly leastAnswers?: number;
  readonly leastTime?: number;
  readonly provenFrom?: number;
  readonly requires?: 'compare';
  readonly tolerance?: readonly string[];
}
interface StatusOptions {
  readonly tenant: string;
  readonly watch?: true;
  readonly every: number;
}

export function addRollouts(deployments: Command, terminal: Terminal): void {
  const showOne = (command: Command, deployment: Deployment) =>
    show(terminal, command, deployment, [toRow(deployment)]);

  deployments
    .command('rollout <name>')
    .description('let a version through step by step, judged by the gateway: it is promoted, or rolled back, by itself')
    .addOption(tenantOption())
    .requiredOption('--version <number>', 'the version', parseNumber)
    .addOption(groupsOption())
    .option('--no-groups', 'nobody gets it by a group')
    .addOption(shadowOption())
    .option('--steps <percent...>', 'shares of traffic, rising, the last one 100 (default: 1 5 25 50 100)')
    .option('--least-answers <number>', "the canary's answers at each step (default: 50)", parseNumber)
    .option('--least-time <seconds>', 'time at each step (default: 300)', parseNumber)
    .option('--proven-from <percent>', 'steps from here on need a verdict that it is good (default: 50)', parseNumber)
    .addOption(
      new Option('--requires <what>', 'only begin where the newest comparison with stable passed').choices(['compare']),
    )
    .option(
      '--tolerance <metric=number...>',
      'how much worse a metric may be to pass, as errors=0.1 for ten points; errors=0.02/0.1 says where it fails, too',
    )
    .action(async (name: string, options: StartOptions, command: Command) => {
      const url = path`/admin/tenants/${options.tenant}/deployments/${name}/rollout`;
      const { version, groups, shadow: shadowWeight } = options;
      const body = { version, groups: groups === false ? [] : groups, shadowWeight, ...toPlan(options) };
      showOne(command, await adminApi(command).send<Deployment>('POST', url, body));
    });

  for (const [change, description] of [
    ['pause', 'leave a rollout at its step; it is still rolled back where it is proven worse'],
    ['resume', 'let a rollout go on'],
    ['advance', 'go to the next step of a rollout without waiting for the judge'],
  ] as const) {
    deployments
      .command(`${change} <name>`)
      .description(description)
      .addOption(tenantOption())
      .action(async (name: string, { tenant }: { tenant: string }, command: Command) => {
        const url = `${path`/admin/tenants/${tenant}/deployments/${name}/rollout`}/${change}`;
        showOne(command, await adminApi(command).send<Deployment>('POST', url));
      });
  }

  deployments
    .command('status <name>')
    .description('what the judge sees of the canary')
    .addOption(tenantOption())
    .option('--watch', 'go on showing it until the rollout is over')
    .option('--every <seconds>', 'pause between two looks of --watch', parseNumber, 2)
    .action(async (name: string, { tenant, watch, every }: StatusOptions, command: Command) => {
      const url = path`/admin/tenants/${tenant}/deployments/${name}`;
      const api = adminApi(command);
      const look = () => api.get<Status>(`${url}/rollout`);
      if (!watch) {
        const status = await look();
        return show(terminal, command, status, status.verdict.metrics.map(toMetricRow));
      }
      await watchStatus(terminal, every, async () => {
        const status = await look();
        return { text: formatStatus(status), isOver: status.deployment.rollout === null };
      });
      const [last] = await api.list<RolloutEvent>(`${url}/events?limit=1`);
      terminal.out(formatTable([toEventRow(last!)]));
    });

  deployments
    .command('history <name>')
    .description('what was done to a deployment, newest first; with --json, the evidence for it')
    .addOption(tenantOption())
    .option('--limit <number>', 'how much', '20')
    .action(async (name: string, { tenant, limit }: { tenant: string; limit: string }, command: Command) => {
      const url = `${path`/admin/tenants/${tenant}/deployments/${name}/events`}?${new URLSearchParams({ limit })}`;
      const events = await adminApi(command).list<RolloutEvent>(url);
      show(terminal, command, events, events.map(toEventRow));
    });
}

function toPlan(options: StartOptions): Partial<RolloutPlan> {
  const { steps, leastAnswers, leastTime, provenFrom, requires, tolerance } = options;
  return {
    ...(steps !== undefined && { steps: steps.map(parseNumber) }),
    ...(leastAnswers !== undefined && { leastAnswers }),
    ...(leastTime !== undefined && { leastMs: Math.round(leastTime * 1000) }),
    ...(provenFrom !== undefined && { provenFrom }),
    ...(requires !== undefined && { requires }),
    ...(tolerance !== undefined && { metrics: Object.fromEntries(tolerance.map(parseTolerance)) }),
  };
}

function parseTolerance(text: string): [string, Partial<Pick<MetricPolicy, 'minimumEffect' | 'tolerance'>>] {
  const match = /^([a-z_]+)=(?:([^/]+)\/)?([^/]+)$/.exec(text);
  if (!match) throw new InvalidArgumentError('A tolerance must look like errors=0.1, or errors=0.02/0.1.');
  const [, metric, fails, passes] = match;
  const tolerance = parseNumber(passes!);
  return [metric!, fails === undefined ? { tolerance } : { minimumEffect: parseNumber(fails), tolerance }];
}

function formatStatus({ deployment, verdict }: Status): string {
  const reached = verdict.shareReached === null ? '-' : `${verdict.shareReached.toFixed(1)} %`;
  const { canaryAnswers, stableAnswers, shadowAnswers } = verdict;
  const unseen = shadowAnswers === 0 ? '' : `, ${shadowAnswers} unseen`;
  const answers = `${canaryAnswers} answers of the canary (${reached}), ${stableAnswers} of stable${unseen}`;
  return [
    formatTable([toRow(deployment)]),
    `${answers}: ${verdict.outcome}, ${verdict.reason}\n`,
    formatTable(verdict.metrics.map(toMetricRow)),
  ].join('\n');
}

function toRow({ name, adapter, stableVersion, canaryVersion, canaryWeight, rollout, revision, ...rest }: Deployment) {
  return {
    name,
    stable: stableVersion === null ? 'base' : `${adapter}@${stableVersion}`,
    canary: canaryVersion === null ? null : `${adapter}@${canaryVersion}`,
    weight: `${canaryWeight} %${others(rest)}`,
    step: rollout && `${rollout.step + 1} of ${rollout.steps.length}`,
    status: rollout === null ? null : rollout.status,
    revision,
  };
}

/** Who gets a canary beside its share. */
export function others({ canaryGroups = [], shadowWeight = 0 }: Pick<Deployment, 'canaryGroups' | 'shadowWeight'>) {
  const groups = canaryGroups.length === 0 ? '' : ` and ${canaryGroups.join(', ')}`;
  return shadowWeight === 0 ? groups : `${groups}, ${shadowWeight} % unseen`;
}

function toMetricRow({ metric, outcome, critical, stable, canary, effect, ...rest }: MetricVerdict) {
  return {
    metric: critical ? metric : `(${metric})`,
    verdict: rest.blocks === 0 ? 'no data' : outcome,
    stable: formatFigure(stable),
    canary: formatFigure(canary),
    worse: formatEffect(effect),
    'evidence of worse': formatFigure(rest.evidenceOfWorse),
    'of good': formatFigure(rest.evidenceOfGood),
  };
}

function toEventRow({ revision, type, served, reason, actor, createdAt }: RolloutEvent) {
  const { adapter, stableVersion, canaryVersion, canaryWeight } = served;
  return {
    revision,
    what: type.replace('_', ' '),
    stable: stableVersion === null ? 'base' : `${adapter}@${stableVersion}`,
    canary: canaryVersion === null ? null : `${adapter}@${canaryVersion} at ${canaryWeight} %`,
    by: actor,
    at: formatTime(createdAt),
    reason,
  };
}
