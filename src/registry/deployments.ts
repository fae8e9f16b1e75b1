import type { Clock } from '../contracts/clock.js';
import type { Registry } from '../contracts/registry.js';
import { MAX_INSTRUCTIONS } from '../contracts/registry-limits.js';
import type { ChangedBy } from '../contracts/rollouts.js';
import type { DeploymentChanges } from './deployment-changes.js';
import { findDeployment, fromServed, requireDeployment, servedBy, toDeployment, toServed } from './deployment-rows.js';
import { requirePolicy } from './policies.js';
import type { ReadCache } from './read-cache.js';
import { OPERATOR, requireRevision } from './revision.js';
import { changed, promoted, refuseUnderWay, rolledBack, started, withCanary, withStable } from './rollout.js';
import type { DeploymentRow } from './tables/deployments.js';
import type { Database } from './tables/tables.js';
import type { AdapterRow } from './tables/versions.js';
import { requireTenant } from './tenants.js';
import { requireTool } from './tools.js';
import { validGeneration } from './valid-generation.js';
import { validPlan, validRules } from './valid-plan.js';
import { validRetrieval } from './valid-retrieval.js';
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

export interface DropCanaries {
  /** Ends every canary of a version, and every experiment with it, in a transaction of the caller's. */
  dropCanaries(trx: Database, version: Pick<AdapterRow, 'tenant' | 'name' | 'version'>, by: ChangedBy): Promise<void>;
}

interface Options {
  readonly db: Database;
  readonly clock: Clock;
  readonly cache: ReadCache;
  readonly changes: DeploymentChanges;
  /** That deployments may name. */
  readonly engines: readonly string[];
}

export function createDeployments({ db, clock, cache, changes, engines }: Options): Deployments & DropCanaries {
  const { create, save, change } = changes;
  return {
    async putDeployment(
      { tenant, name, adapter, stableVersion, instructions, retrieval, policy, generation, tools, engine },
      by = OPERATOR,
    ) {
      validName('name', name);
      if (engine) requireEngine(engine, engines);
      const settings = {
        instructions: validText('instructions', instructions, MAX_INSTRUCTIONS),
        retrieval: JSON.stringify(validRetrieval(retrieval)),
      };
      return db.transaction().execute(async (trx) => {
        await requireTenant(trx, tenant);
        const current = await findDeployment(trx, tenant, name);
        requireRevision('deployment', name, current, by);
        const next = withStable(current ? toServed(current) : null, { adapter, stableVersion });
        // What is compared would be two engines, not two versions.
        if (engine !== undefined && current && engine !== current.engine) refuseUnderWay(toServed(current));
        if (policy) await requirePolicy(trx, tenant, policy.name, policy.revision);
        for (const tool of tools ?? []) await requireTool(trx, tenant, tool);
        const named = policy === undefined ? (current?.policy ?? null) : policy && JSON.stringify(policy);
        const all = {
          ...settings,
          policy: named,
          generation: generation
            ? JSON.stringify(validGeneration('generation', generation))
            : (current?.generation ?? '{}'),
          tools: tools ? JSON.stringify(tools) : (current?.tools ?? '[]'),
          engine: engine === undefined ? (current?.engine ?? null) : engine,
        };
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
        return create(trx, row, next.served, by);
      });
    },

    getDeployment: (tenant, name) =>
      cache.get(`deployment ${tenant} ${name}`, async () => toDeployment(await requireDeployment(db, tenant, name))),

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

    async setCanary(tenant, name, { version, weight, ...rules }, by = OPERATOR) {
      validInteger('version', version, 1, Number.MAX_SAFE_INTEGER);
      const valid = { version, weight: validNumber('weight', weight, 0, 100), ...validRules(rules) };
      return change(tenant, name, by, 'canary_set', (current) => withCanary(current, valid));
    },

    async startRollout(tenant, name, { version, plan, ...rules }, by = OPERATOR) {
      validInteger('version', version, 1, Number.MAX_SAFE_INTEGER);
      const valid = { version, plan: validPlan(plan), ...validRules(rules) };
      return change(tenant, name, by, 'started', (current) => started(current, valid, clock.now()));
    },

    changeRollout: (tenant, name, what, by = OPERATOR) =>
      change(tenant, name, by, `${what}d`, (current) => changed(current, what, name, clock.now())),
    promote: (tenant, name, by = OPERATOR) =>
      change(tenant, name, by, 'promoted', (current, last) => promoted(current, last, name)),
    rollback: (tenant, name, by = OPERATOR) =>
      change(tenant, name, by, 'rolled_back', (current, last) => rolledBack(current, last, name)),

    async dropCanaries(trx, { tenant, name, version }, by) {
      for (const row of await servedBy(trx, tenant, name, version)) {
        if (row.canaryVersion !== version && row.experiment === null) continue;
        await save(trx, row, rolledBack(toServed(row), null, row.name), {}, by);
      }
    },
  };
}

/** @throws AppError `invalid_value` that names those there are */
function requireEngine(engine: string, known: readonly string[]): void {
  if (!known.includes(engine)) throw invalid('engine', `must be one of ${known.join(', ')}, or null, got "${engine}"`);
}
