import type { Clock } from '../contracts/clock.js';
import type { Deployment } from '../contracts/registry.js';
import type { ChangedBy, RolloutEventType, Served } from '../contracts/rollouts.js';
import { AppError } from '../errors/app-error.js';
import { requireVersion } from './adapter-rows.js';
import { requireCompared } from './comparisons.js';
import type { Audited } from './database.js';
import { fromServed, requireDeployment, servedBy, toDeployment, toServed } from './deployment-rows.js';
import { requireRevision } from './revision.js';
import type { Transition } from './rollout.js';
import { appendEvent, eventWithKey, lastEventType } from './rollout-events.js';
import { requiresSignatures } from './signatures.js';
import type { DeploymentRow } from './tables/deployments.js';
import type { Database } from './tables/tables.js';
import { moveVersion } from './version-moves.js';
import { isServable, newlyServed, statusAfter } from './version-status.js';
import { tellWebhooks } from './webhooks.js';

export interface DeploymentChanges {
  /** Saves a new deployment, as `save`. */
  create(trx: Database, row: DeploymentRow, served: Served, by: ChangedBy): Promise<Deployment>;
  /** Saves a change as the next revision, with its event and its line in the audit log; what changes nothing leaves the revision alone. */
  save(
    trx: Database,
    current: DeploymentRow,
    transition: Transition,
    settings: Partial<DeploymentRow>,
    by: ChangedBy,
  ): Promise<Deployment>;
  /** One change of what is served, under the conditions of who makes it. */
  change(
    tenant: string,
    name: string,
    by: ChangedBy,
    type: RolloutEventType,
    transition: (current: Served, last: RolloutEventType | null, row: DeploymentRow) => Transition,
  ): Promise<Deployment>;
}

interface Options {
  readonly db: Database;
  readonly clock: Clock;
  readonly audit: Audited;
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
  experiment_started: 'deployment.experiment_started',
  experiment_ended: 'deployment.experiment_ended',
};

/** How every change of a deployment is made: one transaction with all that it means. */
export function createDeploymentChanges({ db, clock, audit, onWord }: Options): DeploymentChanges {
  async function append(trx: Database, row: DeploymentRow, type: RolloutEventType, served: Served, by: ChangedBy) {
    await appendEvent(trx, row, type, served, by);
    if (await tellWebhooks(trx, row, type, row.updatedAt)) onWord();
  }

  async function save(
    trx: Database,
    current: DeploymentRow,
    { type, served }: Transition,
    settings: Partial<DeploymentRow>,
    by: ChangedBy,
  ): Promise<Deployment> {
    const changed = { ...current, ...fromServed(served), ...settings };
    if (type === null && JSON.stringify(changed) === JSON.stringify(current)) return toDeployment(current);
    if (type === null && current.experiment !== null) throw new AppError('experiment_under_way');
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

  return {
    save,

    async create(trx, row, served, by) {
      await requireServable(trx, row.tenant, null, served);
      await trx.insertInto('deployments').values(row).execute();
      await append(trx, row, 'deployed', served, by);
      await moveVersions(trx, row, 'deployed', null, served, by);
      const after = toDeployment(row);
      await audit(trx, { tenant: row.tenant, action: 'deployment.created', subject: row.name, before: null, after });
      return after;
    },

    change(tenant, name, by, type, transition) {
      return db.transaction().execute(async (trx) => {
        const current = await requireDeployment(trx, tenant, name);
        if (await isRepeated(trx, current, type, by)) return toDeployment(current);
        requireRevision('deployment', name, current, by);
        const next = transition(toServed(current), await lastEventType(trx, current), current);
        return save(trx, current, next, {}, by);
      });
    },
  };
}

/** What begins to answer must be there, and must be allowed to. @throws AppError `not_found`, `version_not_servable` */
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
