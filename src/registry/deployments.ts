import type { Clock } from '../contracts/clock.js';
import type { Deployment, Registry } from '../contracts/registry.js';
import { MAX_INSTRUCTIONS } from '../contracts/registry-limits.js';
import type { ChangedBy, RolloutEventType, Served } from '../contracts/rollouts.js';
import { AppError } from '../errors/app-error.js';
import { requireVersion } from './adapter-rows.js';
import { requireCompared } from './comparisons.js';
import type { AdapterRow, Audited, Database, DeploymentRow } from './database.js';
import { findDeployment, fromServed, requireDeployment, servedBy, toDeployment, toServed } from './deployment-rows.js';
import { requirePolicy } from './policies.js';
import type { ReadCache } from './read-cache.js';
import { OPERATOR, requireRevision } from './revision.js';
import { changed, promoted, rolledBack, started, type Transition, withCanary, withStable } from './rollout.js';
import { appendEvent, eventWithKey, lastEventType } from './rollout-events.js';
import { requiresSignatures } from './signatures.js';
import { requireTenant } from './tenants.js';
import { requireTool } from './tools.js';
import { validPlan, validRules } from './valid-plan.js';
import { validRetrieval } from './valid-retrieval.js';
import { validInteger, validName, validNumber, validText } from './validate.js';
import { moveVersion } from './version-moves.js';
import { isServable, newlyServed, statusAfter } from './version-status.js';
import { tellWebhooks } from './webhooks.js';

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
  /** Ends every canary of a version, in a transaction of the caller's. */
  dropCanaries(trx: Database, version: Pick<AdapterRow, 'tenant' | 'name' | 'version'>, by: ChangedBy): Promise<void>;
}

interface Options {
  readonly db: Database;
  readonly clock: Clock;
  readonly audit: Audited;
  readonly cache: ReadCache;
  /** Told when there is something that webhooks are to be told, a moment before it is kept. */
  readonly onWord: () => void;
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

export function createDeployments({ db, clock, audit, cache, onWord }: Options): Deployments & DropCanaries {
  async function append(trx: Database, row: DeploymentRow, type: RolloutEventType, served: Served, by: ChangedBy) {
    await appendEvent(trx, row, type, served, by);
    if (await tellWebhooks(trx, row, type, row.updatedAt)) onWord();
  }

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
    await requireServable(trx, current.tenant, toServed(current), served);
    if (type === 'started') await requireCompared(trx, current, served);
    const row = { ...changed, updatedAt: clock.now(), revision: current.revision + 1 };
    await trx
      .updateTable('deployments')
      .set(row)
      .where('tenant', '=', row.tenant)
      .where('name', '=', row.name)
      .execute();
    if (type !== null) {
      await append(trx, row, type, served, by);
      await moveVersions(trx, row, type, toServed(current), served, by);
    }
    const [before, after] = [toDeployment(current), toDeployment(row)];
    await audit(trx, { tenant: row.tenant, action: ACTIONS[type ?? 'deployed'], subject: row.name, before, after });
    return after;
  }

  /** What a change of what is served means for the versions themselves. */
  async function moveVersions(
    trx: Database,
    { tenant }: DeploymentRow,
    type: RolloutEventType,
    before: Served | null,
    served: Served,
    by: ChangedBy,
  ): Promise<void> {
    const move = statusAfter(type, before, served);
    if (served.adapter === null || move === null) return;
    const row = await requireVersion(trx, tenant, served.adapter, move.version);
    if (!isServable(row.status) || row.status === move.to) return;
    if (move.to === 'quarantined' && (await servedBy(trx, tenant, row.name, row.version)).length > 0) return;
    await moveVersion(trx, { clock, audit }, row, move.to, by);
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
      requireRevision('deployment', name, current, by);
      return save(trx, current, transition(toServed(current), await lastEventType(trx, current)), {}, by);
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
        requireRevision('deployment', name, current, by);
        const next = withStable(current ? toServed(current) : null, { adapter, stableVersion });
        if (policy) await requirePolicy(trx, tenant, policy.name, policy.revision);
        for (const tool of tools ?? []) await requireTool(trx, tenant, tool);
        const named = policy === undefined ? (current?.policy ?? null) : policy && JSON.stringify(policy);
        const all = { ...settings, policy: named, tools: tools ? JSON.stringify(tools) : (current?.tools ?? '[]') };
        if (current) return save(trx, current, next, all, by);
        await requireServable(trx, tenant, null, next.served);
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
        await append(trx, row, 'deployed', next.served, by);
        await moveVersions(trx, row, 'deployed', null, next.served, by);
        const after = toDeployment(row);
        await audit(trx, { tenant, action: 'deployment.created', subject: name, before: null, after });
        return after;
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
        if (row.canaryVersion !== version) continue;
        await save(trx, row, rolledBack(toServed(row), null, row.name), {}, by);
      }
    },
  };
}

/** What becomes stable or canary must be there, and must be allowed to. @throws AppError `not_found`, `version_not_servable` */
async function requireServable(trx: Database, tenant: string, before: Served | null, served: Served): Promise<void> {
  const { adapter } = served;
  if (adapter === null) return;
  for (const version of newlyServed(before, served)) {
    const { status, signedBy } = await requireVersion(trx, tenant, adapter, version);
    if (signedBy === null && (await requiresSignatures(trx, tenant))) {
      throw new AppError('signature_missing', { what: `${adapter}@${version}`, tenant });
    }
    if (!isServable(status)) throw new AppError('version_not_servable', { version: `${adapter}@${version}`, status });
  }
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
