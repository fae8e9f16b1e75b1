import { sql } from 'kysely';
import type { Deployment } from '../contracts/registry.js';
import type { Served } from '../contracts/rollouts.js';
import { AppError } from '../errors/app-error.js';
import type { DeploymentRow } from './tables/deployments.js';
import type { Database } from './tables/tables.js';

export function findDeployment(db: Database, tenant: string, name: string): Promise<DeploymentRow | undefined> {
  return db
    .selectFrom('deployments')
    .selectAll()
    .where('tenant', '=', tenant)
    .where('name', '=', name)
    .executeTakeFirst();
}

/** @throws AppError `not_found` */
export async function requireDeployment(db: Database, tenant: string, name: string): Promise<DeploymentRow> {
  const row = await findDeployment(db, tenant, name);
  if (!row) throw new AppError('not_found', { what: 'Deployment', id: name });
  return row;
}

/** The deployments that answer with a version: as stable, as canary, or in an experiment. */
export function servedBy(db: Database, tenant: string, adapter: string, version: number): Promise<DeploymentRow[]> {
  return db
    .selectFrom('deployments')
    .selectAll()
    .where('tenant', '=', tenant)
    .where('adapter', '=', adapter)
    .where((eb) =>
      eb.or([eb('stableVersion', '=', version), eb('canaryVersion', '=', version), eb(hasArm(version), '=', 1)]),
    )
    .execute();
}

/** Whether the experiment of a deployment, where there is one, has an arm with a version. */
export function hasArm(version: number) {
  return sql<0 | 1>`exists (
    select 1 from json_each(deployments.experiment, '$.arms') where json_extract(value, '$.version') = ${version}
  )`;
}

export function toServed({
  adapter,
  stableVersion,
  canaryVersion,
  canaryWeight,
  shadowWeight,
  rollout,
  experiment,
  ...row
}: DeploymentRow): Served {
  return {
    ...{ adapter, stableVersion, canaryVersion, canaryWeight, shadowWeight },
    canaryGroups: JSON.parse(row.canaryGroups),
    previous: row.hasPrevious ? { version: row.previousVersion } : null,
    rollout: rollout && JSON.parse(rollout),
    experiment: experiment && JSON.parse(experiment),
  };
}

export function fromServed({ previous, rollout, experiment, canaryGroups, ...versions }: Served) {
  return {
    ...versions,
    canaryGroups: JSON.stringify(canaryGroups),
    hasPrevious: previous ? (1 as const) : (0 as const),
    previousVersion: previous ? previous.version : null,
    rollout: rollout && JSON.stringify(rollout),
    experiment: experiment && JSON.stringify(experiment),
  };
}

export function toDeployment(row: DeploymentRow): Deployment {
  const {
    hasPrevious: _,
    previousVersion: __,
    rollout,
    experiment,
    retrieval,
    generation,
    policy,
    tools,
    ...rest
  } = row;
  return {
    ...rest,
    canaryGroups: JSON.parse(rest.canaryGroups),
    rollout: rollout && JSON.parse(rollout),
    experiment: experiment && JSON.parse(experiment),
    retrieval: JSON.parse(retrieval),
    generation: JSON.parse(generation),
    policy: policy && JSON.parse(policy),
    tools: JSON.parse(tools),
  };
}
