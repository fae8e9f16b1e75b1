import { join } from 'node:path';
import { createAuditLog, GATEWAY_LOG } from '../audit/log.js';
import { openSigningKey } from '../audit/signing-key.js';
import type { AdapterCompiler } from '../contracts/adapter.js';
import type { Clock } from '../contracts/clock.js';
import type { ToolCaller } from '../contracts/http-tools.js';
import type { Registry } from '../contracts/registry.js';
import type { Safety } from '../contracts/safety.js';
import { createJobs } from '../jobs/jobs.js';
import { createAdapterFiles } from './adapter-files.js';
import { createAdapters } from './adapters.js';
import { createAdaptersAhead } from './adapters-ahead.js';
import { createAliases } from './aliases.js';
import { createAnswers } from './answers.js';
import { createBatches } from './batches.js';
import { createConversations } from './conversations.js';
import { createDataPolicies } from './data-policies.js';
import { type Audited, auditTables, jobTables, openDatabase } from './database.js';
import { createDeletion } from './deletion.js';
import { createDeploymentChanges } from './deployment-changes.js';
import { createDeployments } from './deployments.js';
import { createEvaluationRuns } from './evaluation-runs.js';
import { createEvaluations } from './evaluations.js';
import { createExperiments } from './experiments.js';
import { createFeedback } from './feedback.js';
import { createJudgedAnswers } from './judged-answers.js';
import { createKeys } from './keys.js';
import { createLeases } from './leases.js';
import { createLimits } from './limits.js';
import { createPolicies } from './policies.js';
import { createQualityTables } from './quality.js';
import { createReadCache } from './read-cache.js';
import { createResponses } from './responses.js';
import { createRolloutEvents } from './rollout-events.js';
import { createSealedTexts } from './sealed-texts.js';
import { again } from './shared/again.js';
import { createSharedFiles } from './shared/files.js';
import { leaveShared } from './shared/local.js';
import { openShared } from './shared/open.js';
import { createShares } from './shared/shares.js';
import { createAdapterPolicies } from './signatures.js';
import { createSigners } from './signers.js';
import { createTenants, requireTenant } from './tenants.js';
import { createTools } from './tools.js';
import { createUsage } from './usage.js';
import { createUserHash } from './user-hash.js';
import { createVersions } from './versions.js';
import { createWebhooks } from './webhooks.js';

export interface RegistryOptions {
  /** Folder of `registry.db`, absolute. */
  readonly dataDir: string;
  readonly compiler: AdapterCompiler;
  readonly clock: Clock;
  /** Looks at a policy's rules before they are kept. */
  readonly checkRules: Safety['check'];
  /** Looks at the address of a function that the gateway is to call. */
  readonly checkToolUrl: ToolCaller['checkUrl'];
  /** Looks at the address of a webhook. */
  readonly checkWebhookUrl: (url: string) => void;
  /** Told when there is something that webhooks are to be told. */
  readonly onWebhookJob: () => void;
  /** Told when an evaluation is to be run; left out: nobody runs any here. */
  readonly onEvaluationJob?: () => void;
  /** Whether the published demo keys open anything. */
  readonly demo: boolean;
  /** That deployments may name; left out: the embedded one. */
  readonly engines?: readonly string[];
  /** Left out: no other gateway has this registry. */
  readonly shared?: SharedSettings | undefined;
}

interface SharedSettings {
  /** Of the PostgreSQL that several gateways have their registry in (decision 0080). */
  readonly url: string;
  /** Told what keeps the gateways apart. */
  readonly onError: (error: unknown, what: string) => void;
  /** Of adapters that are fetched before they are asked for; left out: of none. */
  readonly aheadBytes?: number;
}

/** The registry over SQLite. Every change is one transaction, on the disk when its promise resolves. */
export async function openRegistry({
  dataDir,
  compiler,
  clock,
  checkRules,
  checkToolUrl,
  checkWebhookUrl,
  onWebhookJob,
  onEvaluationJob = () => {},
  demo,
  engines = ['embedded'],
  shared: settings,
}: RegistryOptions): Promise<Registry> {
  const file = join(dataDir, 'registry.db');
  let onChanged = (_tables: ReadonlySet<string>) => {};
  const shared = settings && (await openShared({ ...settings, file, clock, onChanged: (tables) => onChanged(tables) }));
  const database = shared?.database ?? (await openDatabase(file));
  if (!shared) leaveShared(database.raw);
  const { db, outerVersion } = database;
  const cache = createReadCache(outerVersion);
  const auditLog = createAuditLog({ name: 'registry', key: openSigningKey(dataDir), clock });
  let lookAhead = () => {};
  const audit: Audited = (trx, change) => {
    cache.changed();
    // Behind the transaction that it is part of: whoever looks waits for its end.
    if (change.action.startsWith('deployment.')) setImmediate(() => lookAhead());
    return auditLog.append(auditTables(trx), change);
  };
  const hashUser = await createUserHash(db);
  const { flush, onDisk, ...answers } = createAnswers({ ...database, hashUser });
  const dataPolicies = createDataPolicies({ db, clock, audit, cache, hashUser });
  const keepsTexts = async (tenant: string) => (await dataPolicies.getDataPolicy(tenant)).storeResponses;
  const consents = async (tenant: string) => (await dataPolicies.getDataPolicy(tenant)).trainingConsent;
  const changes = createDeploymentChanges({
    ...{ db, clock, audit },
    onWord: () => setImmediate(onWebhookJob),
  });
  const { dropCanaries, ...deployments } = createDeployments({ db, clock, cache, changes, engines });
  const files = createAdapterFiles({ db, dataDir, shared: shared ? createSharedFiles(dataDir, shared.server) : null });
  const ahead = settings && createAdaptersAhead({ ...settings, db, files, mostBytes: settings.aheadBytes ?? 0 });
  const methods: Registry = {
    ...createTenants({ db, clock, audit }),
    ...createKeys({ db, clock, audit, cache, demo }),
    ...createLimits({ db, clock, audit, cache }),
    ...createUsage({ db, flush }),
    ...createSigners({ db, clock, audit }),
    ...createAdapters({ db, clock, audit, cache, compiler, dataDir, files }),
    ...createDeletion({ db, clock, audit, dataDir, files }),
    ...createVersions({ db, clock, audit, dropCanaries, dataDir }),
    ...createAdapterPolicies({ db, clock, audit }),
    ...createAliases({ db, clock, audit, cache }),
    ...createEvaluations({ db, clock, audit }),
    ...createEvaluationRuns({ db, clock, audit, keepsTexts, onStarted: () => setImmediate(onEvaluationJob) }),
    ...deployments,
    ...createExperiments({ db, clock, changes }),
    ...createRolloutEvents({ db }),
    ...createJudgedAnswers({ db }),
    ...createLeases({ db, clock }),
    ...createTools({ db, clock, audit, cache, checkUrl: checkToolUrl }),
    ...createWebhooks({ db, clock, audit, checkUrl: checkWebhookUrl }),
    ...createPolicies({ db, clock, audit, cache, checkRules }),
    ...answers,
    ...dataPolicies,
    ...createFeedback({ db, clock, audit, onDisk, consents }),
    ...createQualityTables({ db, clock, audit, cache }),
    ...createResponses({ db, clock, hashUser }),
    ...createConversations({ db, clock, hashUser }),
    ...(await createSealedTexts(db)),
    ...createBatches({ db, clock }),
    jobs: createJobs(jobTables(db)),

    async listAudit(tenant, page) {
      if (tenant !== GATEWAY_LOG) await requireTenant(db, tenant);
      return auditLog.list(auditTables(db), tenant, page);
    },

    hashUser,

    noteChange: (change) => db.transaction().execute((trx) => audit(trx, change)),

    noteSettings: (settings) =>
      db.transaction().execute(async (trx) => {
        const before = (await auditLog.newest(auditTables(trx), GATEWAY_LOG))?.after ?? null;
        if (JSON.stringify(before) === JSON.stringify(settings)) return;
        const change = { tenant: GATEWAY_LOG, action: 'settings.changed', subject: 'gateway', before, after: settings };
        await audit(trx, change);
      }),

    isAlone: shared === undefined,

    sharing: () => shared?.replica.status() ?? null,

    shares: shared ? createShares(shared.server) : null,

    async close() {
      await flush();
      await ahead?.close();
      await shared?.replica.close();
      await database.close();
    },
  };
  if (shared === undefined) return methods;
  lookAhead = ahead!.look;
  onChanged = (tables) => {
    cache.changed();
    if (tables.has('deployments')) lookAhead();
    if (tables.has('adapters')) files.collect().catch((error) => settings!.onError(error, 'files of adapters'));
  };
  const catchUp = () => shared.replica.catchUp();
  shared.replica.start();
  lookAhead();
  return { ...again(methods, catchUp), jobs: again(methods.jobs, catchUp) };
}
