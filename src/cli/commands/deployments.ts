import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Deployment, RetrievalPolicy } from '../../contracts/registry.js';
import type { SearchMode } from '../../contracts/retrieval.js';
import { type Api, adminApi, path } from '../api.js';
import { change } from '../change.js';
import { groupsOption, parseNumber, parseVersion, shadowOption, tenantOption } from '../options.js';
import { show } from '../show.js';
import { formatTime, type Terminal } from '../terminal.js';
import { formatArms } from './experiments.js';
import { addRollouts, others } from './rollouts.js';

interface SetOptions {
  readonly tenant: string;
  readonly adapter?: ReturnType<typeof parseVersion>;
  readonly base?: true;
  readonly engine?: string | false;
  readonly instructions?: string;
  readonly retrieval?: 'on' | 'off';
  readonly stores?: readonly string[];
  readonly defaultStore?: true;
  readonly searchMode?: SearchMode;
  readonly topK?: number;
  readonly minScore?: number;
  readonly diversity?: number;
  readonly budgetTokens?: number;
  readonly attention?: 'full' | 'block';
  readonly policy?: ReturnType<typeof parseVersion> | false;
  readonly tools?: readonly string[] | false;
  readonly generation?: readonly string[] | false;
}

type Changes = Omit<SetOptions, 'tenant'>;

interface CanaryOptions {
  readonly tenant: string;
  readonly version: number;
  readonly weight: number;
  readonly groups?: readonly string[] | false;
  readonly shadow?: number;
}

/** What a new deployment has where the command does not say: the bare base over the tenant's documents. */
const NEW: Pick<Deployment, 'adapter' | 'stableVersion' | 'instructions' | 'retrieval'> = {
  adapter: null,
  stableVersion: null,
  instructions: '',
  retrieval: { enabled: true, topK: 3, minScore: 0, budgetTokens: 640 },
};

export function addDeployments(program: Command, terminal: Terminal): void {
  const deployments = program
    .command('deployments')
    .description('point names at adapter versions, roll out, roll back');
  const showOne = (command: Command, deployment: Deployment) =>
    show(terminal, command, deployment, [toRow(deployment)]);

  deployments
    .command('list')
    .description("list a tenant's deployments")
    .addOption(tenantOption())
    .action(async ({ tenant }: { tenant: string }, command: Command) => {
      const data = await adminApi(command).list<Deployment>(path`/admin/tenants/${tenant}/deployments`);
      show(terminal, command, data, data.map(toRow));
    });

  deployments
    .command('set <name>')
    .description('create a deployment, or change what is named; the rest stays as it is')
    .addOption(tenantOption())
    .option('--adapter <name@version>', 'the stable version', parseVersion)
    .addOption(new Option('--base', 'serve the bare base model').conflicts('adapter'))
    .option('--engine <name>', 'what computes its answers: embedded, upstream or a pool')
    .option('--no-engine', "the gateway's default")
    .option('--instructions <text>', 'start of every system message')
    .addOption(new Option('--retrieval <on|off>', 'answer from documents').choices(['on', 'off']))
    .option('--stores <id...>', 'the vector stores to answer from, searched as one')
    .addOption(new Option('--default-store', "answer from the tenant's default store").conflicts('stores'))
    .addOption(
      new Option('--search-mode <mode>', 'search by meaning, words or both').choices(['vector', 'lexical', 'hybrid']),
    )
    .option('--top-k <number>', 'passages in a prompt, at most', parseNumber)
    .option('--min-score <number>', 'leave passages below it out', parseNumber)
    .option('--diversity <number>', 'rather passages that differ than the most relevant ones, 0 to 1', parseNumber)
    .option('--policy <name@revision>', 'the safety policy', parseVersion)
    .option('--no-policy', 'screen nothing')
    .option('--tools <name...>', 'functions that the gateway calls for it, and no others')
    .option('--no-tools', 'none')
    .option(
      '--generation <name=value...>',
      'what counts where a request leaves it out, as temperature=0.7 maxTokens=300',
    )
    .option('--no-generation', 'nothing but the usual defaults')
    .option('--budget-tokens <number>', 'tokens of all passages together', parseNumber)
    .addOption(
      new Option('--attention <mode>', 'read passages with all before them, or by themselves and once').choices([
        'full',
        'block',
      ]),
    )
    .action(async (name: string, options: SetOptions, command: Command) => {
      const api = adminApi(command);
      const url = path`/admin/tenants/${options.tenant}/deployments/${name}`;
      showOne(command, await changeDeployment(api, url, options));
    });

  deployments
    .command('set-canary <name>')
    .description('give a version a share of the traffic')
    .addOption(tenantOption())
    .requiredOption('--version <number>', 'the canary version', parseNumber)
    .option(
      '--weight <percent>',
      'share of traffic, 0 to 100; at 0 only the header x-canary reaches it',
      parseNumber,
      0,
    )
    .addOption(groupsOption())
    .option('--no-groups', 'nobody gets it by a group')
    .addOption(shadowOption())
    .action(async (name: string, options: CanaryOptions, command: Command) => {
      const { tenant, version, weight, groups, shadow: shadowWeight } = options;
      const url = path`/admin/tenants/${tenant}/deployments/${name}/canary`;
      const canary = { version, weight, groups: groups === false ? [] : groups, shadowWeight };
      showOne(command, await adminApi(command).send<Deployment>('POST', url, canary));
    });

  for (const [action, description] of [
    ['promote', 'make the canary the stable version'],
    ['rollback', 'drop the canary, or go back to the previous stable version'],
  ] as const) {
    deployments
      .command(`${action} <name>`)
      .description(description)
      .addOption(tenantOption())
      .action(async (name: string, { tenant }: { tenant: string }, command: Command) => {
        const url = `${path`/admin/tenants/${tenant}/deployments/${name}`}/${action}`;
        showOne(command, await adminApi(command).send<Deployment>('POST', url));
      });
  }
  addRollouts(deployments, terminal);
}

export function changeDeployment(api: Api, url: string, options: Changes): Promise<Deployment> {
  return change<Deployment>(api, url, (before) => changed(before ?? NEW, options));
}

function changed(from: typeof NEW, options: Changes) {
  const { adapter, base, instructions = from.instructions } = options;
  const versions = base
    ? { adapter: null, stableVersion: null }
    : adapter
      ? { adapter: adapter.adapter, stableVersion: adapter.version }
      : { adapter: from.adapter, stableVersion: from.stableVersion };
  const mode = options.searchMode ?? from.retrieval.mode;
  const attention = options.attention ?? from.retrieval.attention;
  const diversity = options.diversity ?? from.retrieval.diversity;
  const storeIds = options.defaultStore ? [] : (options.stores ?? from.retrieval.storeIds ?? []);
  const retrieval: RetrievalPolicy = {
    enabled: options.retrieval ? options.retrieval === 'on' : from.retrieval.enabled,
    storeIds,
    ...(mode !== undefined && { mode }),
    topK: options.topK ?? from.retrieval.topK,
    minScore: options.minScore ?? from.retrieval.minScore,
    ...(diversity !== undefined && { diversity }),
    budgetTokens: options.budgetTokens ?? from.retrieval.budgetTokens,
    ...(attention !== undefined && { attention }),
  };
  const { engine, policy, tools, generation } = options;
  const named = policy ? { name: policy.adapter, revision: policy.version } : policy === false ? null : undefined;
  return {
    ...versions,
    instructions,
    ...(engine !== undefined && { engine: engine || null }),
    retrieval,
    ...(named !== undefined && { policy: named }),
    ...(tools !== undefined && { tools: tools || [] }),
    ...(generation !== undefined && { generation: Object.fromEntries((generation || []).map(parseAssignment)) }),
  };
}

function parseAssignment(text: string): [string, number] {
  const match = /^(\w+)=(.+)$/.exec(text);
  if (!match) throw new InvalidArgumentError('It must look like temperature=0.7.');
  return [match[1]!, parseNumber(match[2]!)];
}

function toRow({ name, adapter, stableVersion, canaryVersion, canaryWeight, experiment, ...rest }: Deployment) {
  return {
    name,
    stable: stableVersion === null ? 'base' : `${adapter}@${stableVersion}`,
    canary: canaryVersion === null ? null : `${adapter}@${canaryVersion} at ${canaryWeight} %${others(rest)}`,
    experiment: experiment ? formatArms(experiment) : null,
    retrieval: toPolicy(rest.retrieval),
    policy: rest.policy && `${rest.policy.name}@${rest.policy.revision}`,
    tools: rest.tools?.join(', ') ?? '',
    engine: rest.engine ?? null,
    revision: rest.revision,
    updated: formatTime(rest.updatedAt),
  };
}

function toPolicy({ enabled, topK, storeIds = [], attention }: RetrievalPolicy): string {
  if (!enabled) return 'off';
  const from = storeIds.length === 0 ? '' : ` of ${storeIds.join(', ')}`;
  return `top ${topK}${from}${attention === 'block' ? ', read once' : ''}`;
}
