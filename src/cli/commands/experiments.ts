import { type Command, InvalidArgumentError, Option } from 'commander';
import type {
  ArmComparison,
  ArmReport,
  Experiment,
  ExperimentArm,
  ExperimentReport,
} from '../../contracts/experiments.js';
import type { Deployment } from '../../contracts/registry.js';
import { GOALS } from '../../contracts/registry-limits.js';
import { readTextFile } from '../../files/text-file.js';
import { adminApi, path } from '../api.js';
import { parseNumber, tenantOption } from '../options.js';
import { show } from '../show.js';
import { formatEffect, formatFigure, formatTable, formatTime, type Terminal } from '../terminal.js';
import { watch as watchStatus } from '../watch.js';

interface Status {
  readonly deployment: Deployment;
  readonly report: ExperimentReport | null;
  readonly endedAt: number | null;
}
interface StartOptions {
  readonly tenant: string;
  readonly arms: readonly ExperimentArm[];
  readonly goal: string;
  readonly minimumEffect?: number;
  readonly tolerance?: number;
  readonly leastAnswers?: number;
  readonly mostAnswers?: number;
}
interface ReportOptions {
  readonly tenant: string;
  readonly watch?: true;
  readonly every: number;
}

const urlOf = (tenant: string, name: string) => path`/admin/tenants/${tenant}/deployments/${name}/experiment`;

export function addExperiments(program: Command, terminal: Terminal): void {
  const experiments = program
    .command('experiments')
    .description(
      "share a deployment's traffic among versions, instructions or ways to search, and learn which is better",
    );
  const showOne = (command: Command, deployment: Deployment) =>
    show(terminal, command, deployment, [toRow(deployment)]);

  experiments
    .command('start <deployment>')
    .description('begin; it ends by itself once an arm is proven better, none can be, or one does harm')
    .addOption(tenantOption())
    .requiredOption('--arms <file>', 'JSON: a list of arms with name, weight, and what is other than now', readArms)
    .addOption(new Option('--goal <goal>', 'what they are compared by').choices(GOALS).makeOptionMandatory())
    .option('--minimum-effect <number>', 'how much better the winner must be, as 0.02 for two points', parseNumber)
    .option('--tolerance <number>', 'a difference below it is none (default: 0.05)', parseNumber)
    .option('--least-answers <number>', 'of each arm, that tell of the goal (default: 50)', parseNumber)
    .option('--most-answers <number>', 'of all arms; with as many it is over (default: 20000)', parseNumber)
    .action(async (name: string, { tenant, ...plan }: StartOptions, command: Command) => {
      showOne(command, await adminApi(command).send<Deployment>('POST', urlOf(tenant, name), plan));
    });

  experiments
    .command('report <deployment>')
    .description('how the arms compare; of the last experiment where none is under way')
    .addOption(tenantOption())
    .option('--watch', 'go on showing it until it is over')
    .option('--every <seconds>', 'pause between two looks of --watch', parseNumber, 2)
    .action(async (name: string, { tenant, watch, every }: ReportOptions, command: Command) => {
      const look = () => adminApi(command).get<Status>(urlOf(tenant, name));
      if (!watch) {
        const status = await look();
        return show(terminal, command, status, status.report?.arms.map(toArmRow) ?? []);
      }
      await watchStatus(terminal, every, async () => {
        const status = await look();
        return { text: formatStatus(status), isOver: !status.deployment.experiment };
      });
    });

  experiments
    .command('stop <deployment>')
    .description('end it now')
    .addOption(tenantOption())
    .action(async (name: string, { tenant }: { tenant: string }, command: Command) => {
      showOne(command, await adminApi(command).send<Deployment>('POST', `${urlOf(tenant, name)}/stop`));
    });

  experiments
    .command('adopt <deployment> <arm>')
    .description('make the deployment what an arm of its last experiment was')
    .addOption(tenantOption())
    .action(async (name: string, arm: string, { tenant }: { tenant: string }, command: Command) => {
      showOne(command, await adminApi(command).send<Deployment>('POST', `${urlOf(tenant, name)}/adopt`, { arm }));
    });
}

function readArms(file: string): readonly ExperimentArm[] {
  try {
    return JSON.parse(readTextFile(file));
  } catch (error) {
    throw new InvalidArgumentError(`It must be a file with a list in JSON: ${(error as Error).message}`);
  }
}

function formatStatus({ deployment, report, endedAt }: Status): string {
  if (report === null) return `${deployment.name} has had no experiment.\n`;
  const { goal, outcome, reason, arms, comparisons } = report;
  const end = endedAt === null ? '' : `, ended ${formatTime(endedAt)}`;
  return [
    `${deployment.name} by ${goal}: ${outcome.replace('_', ' ')}, ${reason}${end}\n`,
    formatTable(arms.map(toArmRow)),
    formatTable(comparisons.map(toComparisonRow)),
  ].join('\n');
}

function toArmRow({ name, weight, answers, shareReached, told, value, verdict }: ArmReport) {
  return {
    arm: name,
    weight: `${weight} %`,
    reached: shareReached === null ? null : `${shareReached.toFixed(1)} %`,
    answers,
    'that tell': told,
    value: formatFigure(value),
    'beside the first': verdict && `${verdict.outcome}, ${verdict.reason}`,
  };
}

function toComparisonRow({ better, than, blocks, effect, evidenceOfBetter, evidenceOfClose }: ArmComparison) {
  return {
    'is better': better,
    than,
    compared: blocks,
    by: formatEffect(effect),
    evidence: formatFigure(evidenceOfBetter),
    'evidence of close': formatFigure(evidenceOfClose),
  };
}

function toRow({ name, adapter, stableVersion, experiment, revision }: Deployment) {
  return {
    name,
    stable: stableVersion === null ? 'base' : `${adapter}@${stableVersion}`,
    experiment: experiment ? formatArms(experiment) : null,
    goal: experiment?.goal ?? null,
    revision,
  };
}

export function formatArms({ arms }: Experiment): string {
  return arms.map(({ name, weight }) => `${name} ${weight} %`).join(', ');
}
