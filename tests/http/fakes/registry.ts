import type { AnswerSignals } from '../../../src/contracts/quality.js';
import type { TenantLimits } from '../../../src/contracts/quota.js';
import type {
  AdapterVersion,
  AnswerRecord,
  Deployment,
  Feedback,
  Principal,
  Registry,
  Scope,
} from '../../../src/contracts/registry.js';
import type { SafetyPolicy } from '../../../src/contracts/safety.js';
import type { Alias } from '../../../src/contracts/versions.js';
import { AppError } from '../../../src/errors/app-error.js';
import { NO_LINEAGE } from '../../../src/registry/valid-lineage.js';

export const KEY = 'sk-bank';
export const KEY_WITHOUT_ROUTE = 'sk-bank-plain';
/** May name groups, and is bound to one. */
export const GROUPS_KEY = 'sk-bank-groups';
/** Is bound to a group, and has no say in it. */
export const HR_KEY = 'sk-bank-hr';
export const OTHER_KEY = 'sk-other';
export const THIRD_KEY = 'sk-third';
export const ADMIN_KEY = 'sk-admin';
export const METRICS_KEY = 'sk-metrics';

const NO_LIMITS: TenantLimits = {
  requestsPerMinute: null,
  tokensPerMinute: null,
  tokensPerMonth: null,
  concurrentRequests: null,
  queuedRequests: null,
  storedBytes: null,
  storedPassages: null,
};

export interface FakeRegistry extends Registry {
  /** Of every tenant. */
  limits: TenantLimits;
  readonly answers: AnswerRecord[];
  readonly signals: AnswerSignals[];
  readonly feedback: (Feedback & { tenant: string; keyId: string })[];
  readonly deployments: Deployment[];
  readonly policies: SafetyPolicy[];
  readonly adapters: AdapterVersion[];
  readonly aliases: Alias[];
}

/** The tenant `bank` has the deployment `assistant`: versions 1 (stable) and 2 (canary, weight 0). */
export function createFakeRegistry(): FakeRegistry {
  const all: Scope[] = ['inference', 'documents', 'route'];
  const principals = new Map<string, Principal>([
    [KEY, { keyId: 'key-1', tenant: 'bank', scopes: all, groups: null }],
    [KEY_WITHOUT_ROUTE, { keyId: 'key-2', tenant: 'bank', scopes: ['inference'], groups: null }],
    [GROUPS_KEY, { keyId: 'key-5', tenant: 'bank', scopes: [...all, 'groups'], groups: null }],
    [HR_KEY, { keyId: 'key-6', tenant: 'bank', scopes: all, groups: ['hr'] }],
    [OTHER_KEY, { keyId: 'key-3', tenant: 'other', scopes: all, groups: null }],
    [THIRD_KEY, { keyId: 'key-8', tenant: 'third', scopes: all, groups: null }],
    [ADMIN_KEY, { keyId: 'key-4', tenant: 'bank', scopes: ['admin', 'tenant-admin', 'release'], groups: null }],
    [METRICS_KEY, { keyId: 'key-7', tenant: 'bank', scopes: ['metrics'], groups: null }],
  ]);
  const adapters: AdapterVersion[] = [1, 2].map((version) => ({
    tenant: 'bank',
    name: 'support',
    version,
    digest: String(version).repeat(64),
    compiledFile: `/adapters/${version}`,
    rank: 8,
    targets: ['q_proj'],
    bytes: 1,
    baseDigest: 'b'.repeat(64),
    status: 'approved',
    baseModel: 'base',
    addedBy: 'operator',
    sources: null,
    lineage: NO_LINEAGE,
    signedBy: null,
    createdAt: 1_700_000_000_000,
  }));
  const policy = { enabled: true, topK: 3, minScore: 0.1, budgetTokens: 300 };
  const times = { createdAt: 1_700_000_000_000, updatedAt: 1_700_000_000_000, revision: 1 };
  const registry = {
    isAlone: true,
    jobs: { counts: async () => [] },
    forgetEvaluationTexts: async () => {},
    sharing: () => null,
    shares: null,
    answers: [] as AnswerRecord[],
    signals: [] as AnswerSignals[],
    feedback: [] as (Feedback & { tenant: string; keyId: string })[],
    deployments: [
      {
        tenant: 'bank',
        name: 'assistant',
        adapter: 'support',
        stableVersion: 1,
        canaryVersion: 2,
        canaryWeight: 0,
        instructions: 'You help.',
        retrieval: policy,
        policy: null,
        ...times,
      },
      {
        tenant: 'bank',
        name: 'plain',
        adapter: null,
        stableVersion: null,
        canaryVersion: null,
        canaryWeight: 0,
        instructions: '',
        retrieval: { ...policy, enabled: false },
        policy: null,
        ...times,
      },
    ] as Deployment[],
    policies: [] as SafetyPolicy[],
    getPolicy: async (tenant: string, name: string, revision: number | null) =>
      registry.policies.find((p) => p.tenant === tenant && p.name === name && p.revision === revision)!,
    authenticate: async (key: string) => principals.get(key) ?? null,
    readGroupsToken: async (tenant: string, token: string) => {
      const [signed, ...groups] = token.split('.');
      if (signed !== tenant) throw new AppError('invalid_groups_token', { reason: 'it has expired' });
      return groups;
    },
    limits: NO_LIMITS as TenantLimits,
    limitsOf: async () => ({ tenant: registry.limits, key: NO_LIMITS }),
    pastUse: async () => ({ answers: 0, tokens: 0, monthTokens: 0 }),
    listTenants: async () => ['bank', 'other'].map((id) => ({ id, name: id, createdAt: 0 })),
    aliases: [] as Alias[],
    listAliases: async (tenant: string) => registry.aliases.filter((alias) => alias.tenant === tenant),
    getAlias: async (tenant: string, adapter: string, alias: string) => {
      const found = registry.aliases.find((a) => a.tenant === tenant && a.adapter === adapter && a.alias === alias);
      if (found === undefined) throw new AppError('not_found', { what: 'Alias', id: `${adapter}@${alias}` });
      return found;
    },
    adapters,
    listAdapters: async (tenant: string) => adapters.filter((adapter) => adapter.tenant === tenant),
    getAdapterVersion: async (tenant: string, name: string, version: number) => {
      const found = adapters.find((a) => a.tenant === tenant && a.name === name && a.version === version);
      if (found === undefined) throw new AppError('not_found', { what: 'adapter', id: `${name}@${version}` });
      return found;
    },
    getDeployment: async (tenant: string, name: string) => {
      const found = registry.deployments.find((d) => d.tenant === tenant && d.name === name);
      if (found === undefined) throw new AppError('not_found', { what: 'deployment', id: name });
      return found;
    },
    listDeployments: async (tenant: string) => registry.deployments.filter((d) => d.tenant === tenant),
    recordAnswer: async (record: AnswerRecord) => {
      registry.answers.push(record);
    },
    getAnswer: async (tenant: string, id: string) => {
      const found = registry.answers.find((answer) => answer.tenant === tenant && answer.id === id);
      if (found === undefined) throw new AppError('not_found', { what: 'answer', id });
      return found;
    },
    recordSignals: async (signals: AnswerSignals) => {
      registry.signals.push(signals);
    },
    getSignals: async (tenant: string, id: string) => {
      await registry.getAnswer(tenant, id);
      return registry.signals.find(({ answerId }) => answerId === id) ?? null;
    },
    addFeedback: async ({ tenant, keyId }: { tenant: string; keyId: string }, feedback: Feedback) => {
      const answer = await registry.getAnswer(tenant, feedback.answerId);
      const isFirst = !registry.feedback.some((own) => own.answerId === feedback.answerId && own.keyId === keyId);
      registry.feedback.push({ ...feedback, tenant, keyId });
      return { answer, isFirst };
    },
  };
  // What the rooms under test never call is not faked.
  return registry as unknown as FakeRegistry;
}
