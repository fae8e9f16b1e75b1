import type { Clock } from '../contracts/clock.js';
import type { Deployment, Registry, RetrievalPolicy } from '../contracts/registry.js';
import { MAX_INSTRUCTIONS, MAX_SEARCHED_STORES } from '../contracts/registry-limits.js';
import type { ChangedBy, RolloutEventType, Served } from '../contracts/rollouts.js';
import { AppError } from '../errors/app-error.js';
import { requireVersion } from './adapters.js';
import type { Audited, Database, DeploymentRow } from './database.js';
import { requirePolicy } from './policies.js';
import { changed, promoted, rolledBack, started, type Transition, withCanary, withStable } from './rollout.js';
import { appendEvent, eventWithKey, lastEventType } from './rollout-events.js';
import { requireTenant } from './tenants.js';
import { requireTool } from './tools.js';
import { validPlan } from './valid-plan.js';
import { invalid, validInteger, validName, validNumber, validText } from './validate.js';

type Deployments = Pick<
  Registry,
  | 'putDeployment'
  | 'getDeployment'
  | 'listDeployments'
  | 'listRollouts'
  | 'setCanary'
  | 'startRollout'
  | 'changeRollout'
  | 'promote'
  | 'rollback'
>;

interface Options {
  readonly db: Database;
  readonly clock: Clock;
  readonly audit: Audited;
}

/** What a change is called in the audit log, by its event. */
const ACTIONS: Readonly<Record<RolloutEventType, string>> = {
  adopted: 'deployment.adopted',
  deployed: 'deployment.changed',
  canary_set: 'deployment.canary_set',
  started: 'deployment.rollout_started',
  advanced: 'deployment.rollout_advanced',
  paused: 'deployment.rollout_paused',
  resumed: 'deployment.rollout_resumed',
  promoted: 'deployment.promoted',
  rolled_back: 'deployment.rolled_back',
};

/** Where nobody is named, whoever holds the data folder. */
const OPERATOR: ChangedBy = { actor: 'operator' };

export function createDeployments({ db, clock, audit }: Options): Deployments {
  /** Saves a change as the next revision, with its event and its line in the audit log; what changes nothing leaves the revision alone. */
  async function save(
    trx: Database,
    current: DeploymentRow,
    { type, served }: Transition,
    settings: Partial<DeploymentRow>,
    by: ChangedBy,
  ): Promise<Deployment> {
    const changed = { ...current, ...fromServed(served), ...settings };
    if (type === null && JSON.stringify(changed) === JSON.stringify(current)) return toDeployment(current);
    const row = { ...changed, updatedAt: clock.now(), revision: current.revision + 1 };
    await trx
      .updateTable('deployments')
      .set(row)
      .where('tenant', '=', row.tenant)
      .where('name', '=', row.name)
      .execute();
    if (type !== null) await appendEvent(trx, row, type, served, by);
    const [before, after] = [toDeployment(current), toDeployment(row)];
    await audit(trx, { tenant: row.tenant, action: ACTIONS[type ?? 'deployed'], subject: row.name, before, after });
    return after;
  }

  /** One change of what is served, under the conditions of who makes it. */
  function change(
    tenant: string,
    name: string,
    by: ChangedBy,
    type: RolloutEventType,
    transition: (current: Served, last: RolloutEventType | null) => Transition,
  ): Promise<Deployment> {
    return db.transaction().execute(async (trx) => {
      const current = await requireDeployment(trx, tenant, name);
      if (await isRepeated(trx, current, type, by)) return toDeployment(current);
      requireRevision(current, name, by);
      const next = transition(toServed(current), await lastEventType(trx, current));
      const { adapter, canaryVersion } = next.served;
      if (adapter !== null && canaryVersion !== null) await requireVersion(trx, tenant, adapter, canaryVersion);
      return save(trx, current, next, {}, by);
    });
  }

  return {
    async putDeployment(
      { tenant, name, adapter, stableVersion, instructions, retrieval, policy, tools },
      by = OPERATOR,
    ) {
      validName('name', name);
      const settings = {
        instructions: validText('instructions', instructions, MAX_INSTRUCTIONS),
        retrieval: JSON.stringify(validRetrieval(retrieval)),
      };
      return db.transaction().execute(async (trx) => {
        await requireTenant(trx, tenant);
        const current = await findDeployment(trx, tenant, name);
        requireRevision(current, name, by);
        const next = withStable(current ? toServed(current) : null, { adapter, stableVersion });
        if (adapter !== null && stableVersion !== null) await requireVersion(trx, tenant, adapter, stableVersion);
        if (policy) await requirePolicy(trx, tenant, policy.name, policy.revision);
        for (const tool of tools ?? []) await requireTool(trx, tenant, tool);
        const named = policy === undefined ? (current?.policy ?? null) : policy && JSON.stringify(policy);
        const all = { ...settings, policy: named, tools: tools ? JSON.stringify(tools) : (current?.tools ?? '[]') };
        if (current) return save(trx, current, next, all, by);
        const now = clock.now();
        const row: DeploymentRow = {
          tenant,
          name,
          ...fromServed(next.served),
          ...all,
          createdAt: now,
          updatedAt: now,
          revision: 1,
        };
        await trx.insertInto('deployments').values(row).execute();
        await appendEvent(trx, row, 'deployed', next.served, by);
        const after = toDeployment(row);
        await audit(trx, { tenant, action: 'deployment.created', subject: name, before: null, after });
        return after;
      });
    },

    getDeployment: async (tenant, name) => toDeployment(await requireDeployment(db, tenant, name)),

    async listDeployments(tenant) {
      await requireTenant(db, tenant);
      const rows = await db
        .selectFrom('deployments')
        .selectAll()
        .where('tenant', '=', tenant)
        .orderBy('name')
        .execute();
      return rows.map(toDeployment);
    },

    async listRollouts() {
      const rows = await db.selectFrom('deployments').selectAll().where('rollout', 'is not', null).execute();
      return rows.map(toDeployment);
    },

    async setCanary(tenant, name, { version, weight }, by = OPERATOR) {
      validInteger('version', version, 1, Number.MAX_SAFE_INTEGER);
      validNumber('weight', weight, 0, 100);
      return change(tenant, name, by, 'canary_set', (current) => withCanary(current, { version, weight }));
    },

    async startRollout(tenant, name, { version, plan }, by = OPERATOR) {
      validInteger('version', version, 1, Number.MAX_SAFE_INTEGER);
      const valid = validPlan(plan);
      return change(tenant, name, by, 'started', (current) => started(current, { version, plan: valid }, clock.now()));
    },

    changeRollout: (tenant, name, what, by = OPERATOR) =>
      change(tenant, name, by, `${what}d`, (current) => changed(current, what, name, clock.now())),
    promote: (tenant, name, by = OPERATOR) =>
      change(tenant, name, by, 'promoted', (current, last) => promoted(current, last, name)),
    rollback: (tenant, name, by = OPERATOR) =>
      change(tenant, name, by, 'rolled_back', (current, last) => rolledBack(current, last, name)),
  };
}

/** Whether this key has made this change already. @throws AppError `idempotency_key_reused` where it made another one */
async function isRepeated(
  trx: Database,
  current: DeploymentRow,
  type: RolloutEventType,
  { idempotencyKey }: ChangedBy,
): Promise<boolean> {
  if (idempotencyKey === undefined) return false;
  const made = await eventWithKey(trx, current, idempotencyKey);
  if (made !== null && made !== type) throw new AppError('idempotency_key_reused', { idempotencyKey });
  return made !== null;
}

function requireRevision(current: DeploymentRow | undefined, name: string, { ifRevision }: ChangedBy): void {
  const revision = current?.revision ?? 0;
  if (ifRevision === undefined || ifRevision === revision) return;
  throw new AppError('revision_mismatch', { what: 'deployment', name, ifRevision, revision });
}

function findDeployment(db: Database, tenant: string, name: string): Promise<DeploymentRow | undefined> {
  return db
    .selectFrom('deployments')
    .selectAll()
    .where('tenant', '=', tenant)
    .where('name', '=', name)
    .executeTakeFirst();
}

async function requireDeployment(db: Database, tenant: string, name: string): Promise<DeploymentRow> {
  const row = await findDeployment(db, tenant, name);
  if (!row) throw new AppError('not_found', { what: 'Deployment', id: name });
  return row;
}

function validRetrieval({
  enabled,
  storeIds = [],
  mode,
  topK,
  minScore,
  budgetTokens,
}: RetrievalPolicy): RetrievalPolicy {
  const stores = [...new Set(storeIds)];
  if (stores.length > MAX_SEARCHED_STORES) {
    throw invalid('retrieval.storeIds', `must be at most ${MAX_SEARCHED_STORES}, got ${stores.length}`);
  }
  return {
    enabled,
    ...(stores.length > 0 && { storeIds: stores }),
    ...(mode !== undefined && { mode }),
    topK: validInteger('retrieval.topK', topK, 1, 50),
    minScore: validNumber('retrieval.minScore', minScore, -1, 1),
    budgetTokens: validInteger('retrieval.budgetTokens', budgetTokens, 1, 131_072),
  };
}

function toServed({ adapter, stableVersion, canaryVersion, canaryWeight, rollout, ...row }: DeploymentRow): Served {
  const previous = row.hasPrevious ? { version: row.previousVersion } : null;
  return { adapter, stableVersion, canaryVersion, canaryWeight, previous, rollout: rollout && JSON.parse(rollout) };
}

function fromServed({ previous, rollout, ...versions }: Served) {
  return {
    ...versions,
    hasPrevious: previous ? (1 as const) : (0 as const),
    previousVersion: previous ? previous.version : null,
    rollout: rollout && JSON.stringify(rollout),
  };
}

function toDeployment(row: DeploymentRow): Deployment {
  const { hasPrevious: _, previousVersion: __, rollout, retrieval, policy, tools, ...rest } = row;
  return {
    ...rest,
    rollout: rollout && JSON.parse(rollout),
    retrieval: JSON.parse(retrieval),
    policy: policy && JSON.parse(policy),
    tools: JSON.parse(tools),
  };
}
