import type { Clock } from '../contracts/clock.js';
import type { Deployment, Registry, RetrievalPolicy } from '../contracts/registry.js';
import { MAX_INSTRUCTIONS, MAX_SEARCHED_STORES } from '../contracts/registry-limits.js';
import { AppError } from '../errors/app-error.js';
import { requireVersion } from './adapters.js';
import type { Audited, Database, DeploymentRow } from './database.js';
import { requirePolicy } from './policies.js';
import { promoted, type Rollout, rolledBack, withCanary, withStable } from './rollout.js';
import { requireTenant } from './tenants.js';
import { invalid, validInteger, validName, validNumber, validText } from './validate.js';

type Deployments = Pick<
  Registry,
  'putDeployment' | 'getDeployment' | 'listDeployments' | 'setCanary' | 'promote' | 'rollback'
>;

interface Options {
  readonly db: Database;
  readonly clock: Clock;
  readonly audit: Audited;
}

export function createDeployments({ db, clock, audit }: Options): Deployments {
  /** Saves a change as the next revision; what changes nothing leaves the revision alone. */
  async function save(
    trx: Database,
    current: DeploymentRow,
    change: Partial<DeploymentRow>,
    action: string,
  ): Promise<Deployment> {
    const changed = { ...current, ...change };
    if (JSON.stringify(changed) === JSON.stringify(current)) return toDeployment(current);
    const row = { ...changed, updatedAt: clock.now(), revision: current.revision + 1 };
    await trx
      .updateTable('deployments')
      .set(row)
      .where('tenant', '=', row.tenant)
      .where('name', '=', row.name)
      .execute();
    const [before, after] = [toDeployment(current), toDeployment(row)];
    await audit(trx, { tenant: row.tenant, action, subject: row.name, before, after });
    return after;
  }

  function changeRollout(
    tenant: string,
    name: string,
    action: string,
    change: (current: Rollout) => Rollout,
  ): Promise<Deployment> {
    return db.transaction().execute(async (trx) => {
      const current = await requireDeployment(trx, tenant, name);
      const rollout = change(toRollout(current));
      if (rollout.adapter !== null && rollout.canaryVersion !== null) {
        await requireVersion(trx, tenant, rollout.adapter, rollout.canaryVersion);
      }
      return save(trx, current, fromRollout(rollout), action);
    });
  }

  return {
    async putDeployment({ tenant, name, adapter, stableVersion, instructions, retrieval, policy }) {
      validName('name', name);
      const settings = {
        instructions: validText('instructions', instructions, MAX_INSTRUCTIONS),
        retrieval: JSON.stringify(validRetrieval(retrieval)),
      };
      return db.transaction().execute(async (trx) => {
        await requireTenant(trx, tenant);
        const current = await findDeployment(trx, tenant, name);
        const rollout = withStable(current ? toRollout(current) : null, { adapter, stableVersion });
        if (adapter !== null && stableVersion !== null) await requireVersion(trx, tenant, adapter, stableVersion);
        if (policy) await requirePolicy(trx, tenant, policy.name, policy.revision);
        const named = policy === undefined ? (current?.policy ?? null) : policy && JSON.stringify(policy);
        const change = { ...fromRollout(rollout), ...settings, policy: named };
        if (current) return save(trx, current, change, 'deployment.changed');
        const now = clock.now();
        const row: DeploymentRow = { tenant, name, ...change, createdAt: now, updatedAt: now, revision: 1 };
        await trx.insertInto('deployments').values(row).execute();
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

    async setCanary(tenant, name, { version, weight }) {
      validInteger('version', version, 1, Number.MAX_SAFE_INTEGER);
      validNumber('weight', weight, 0, 100);
      return changeRollout(tenant, name, 'deployment.canary_set', (current) =>
        withCanary(current, { version, weight }),
      );
    },

    promote: (tenant, name) => changeRollout(tenant, name, 'deployment.promoted', (current) => promoted(current, name)),
    rollback: (tenant, name) =>
      changeRollout(tenant, name, 'deployment.rolled_back', (current) => rolledBack(current, name)),
  };
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

function toRollout({ adapter, stableVersion, canaryVersion, canaryWeight, ...row }: DeploymentRow): Rollout {
  const previous = row.hasPrevious ? { version: row.previousVersion } : null;
  return { adapter, stableVersion, canaryVersion, canaryWeight, previous };
}

function fromRollout({ previous, ...rollout }: Rollout) {
  return {
    ...rollout,
    hasPrevious: previous ? (1 as const) : (0 as const),
    previousVersion: previous ? previous.version : null,
  };
}

function toDeployment({ hasPrevious: _, previousVersion: __, retrieval, policy, ...row }: DeploymentRow): Deployment {
  return { ...row, retrieval: JSON.parse(retrieval), policy: policy === null ? null : JSON.parse(policy) };
}
