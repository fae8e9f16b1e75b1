import type { Registry } from '../contracts/registry.js';
import type { ChangedBy, RolloutEvent, RolloutEventType, Served } from '../contracts/rollouts.js';
import { AppError } from '../errors/app-error.js';
import type { DeploymentRow, RolloutEventRow } from './tables/deployments.js';
import type { Database } from './tables/tables.js';

/** Which deployment, at which revision. */
type At = Pick<DeploymentRow, 'tenant' | 'name' | 'revision' | 'updatedAt'>;

export function createRolloutEvents({ db }: { db: Database }): Pick<Registry, 'listRolloutEvents'> {
  return {
    async listRolloutEvents(tenant, name, limit, { type, before } = {}) {
      const rows = await eventsOf(db, { tenant, name })
        .$if(type !== undefined, (query) => query.where('type', '=', type!))
        .$if(before !== undefined, (query) => query.where('revision', '<', before!))
        .selectAll()
        .orderBy('revision', 'desc')
        .limit(limit)
        .execute();
      // Every deployment has the event of its beginning.
      if (rows.length === 0 && type === undefined && before === undefined) {
        throw new AppError('not_found', { what: 'Deployment', id: name });
      }
      return rows.map(toEvent);
    },
  };
}

export async function appendEvent(
  trx: Database,
  { tenant, name, revision, updatedAt }: At,
  type: RolloutEventType,
  served: Served,
  { actor, reason, evidence, report, idempotencyKey }: ChangedBy,
): Promise<void> {
  const row: RolloutEventRow = {
    tenant,
    deployment: name,
    revision,
    type,
    actor,
    reason: reason ?? null,
    served: JSON.stringify(served),
    evidence: evidence === undefined ? null : JSON.stringify(evidence),
    report: report === undefined ? null : JSON.stringify(report),
    idempotencyKey: idempotencyKey ?? null,
    createdAt: updatedAt,
  };
  await trx.insertInto('rolloutEvents').values(row).execute();
}

/** What was done to the deployment last. */
export async function lastEventType(trx: Database, at: At): Promise<RolloutEventType | null> {
  const row = await eventsOf(trx, at).select('type').orderBy('revision', 'desc').limit(1).executeTakeFirst();
  return row?.type ?? null;
}

/** What was done with an idempotency key. */
export async function eventWithKey(trx: Database, at: At, idempotencyKey: string): Promise<RolloutEventType | null> {
  const row = await eventsOf(trx, at).select('type').where('idempotencyKey', '=', idempotencyKey).executeTakeFirst();
  return row?.type ?? null;
}

/** What was done to a deployment at a revision; null: nothing of it. */
export async function findRolloutEvent(
  db: Database,
  at: Pick<At, 'tenant' | 'name'>,
  revision: number,
): Promise<RolloutEvent | null> {
  const row = await eventsOf(db, at).selectAll().where('revision', '=', revision).executeTakeFirst();
  return row === undefined ? null : toEvent(row);
}

function eventsOf(db: Database, { tenant, name }: Pick<At, 'tenant' | 'name'>) {
  return db.selectFrom('rolloutEvents').where('tenant', '=', tenant).where('deployment', '=', name);
}

function toEvent({
  tenant: _,
  deployment: __,
  idempotencyKey: ___,
  served,
  evidence,
  report,
  ...row
}: RolloutEventRow) {
  // Events of before know no groups, no copies and no experiments.
  return {
    ...row,
    served: { canaryGroups: [], shadowWeight: 0, experiment: null, ...JSON.parse(served) },
    evidence: evidence && { shadowAnswers: 0, ...JSON.parse(evidence) },
    report: report && JSON.parse(report),
  } satisfies RolloutEvent;
}
