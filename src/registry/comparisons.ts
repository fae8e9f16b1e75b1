import { comparisonName } from '../contracts/registry-limits.js';
import type { Served } from '../contracts/rollouts.js';
import { AppError } from '../errors/app-error.js';
import { listEvaluations } from './evaluations.js';
import type { DeploymentRow } from './tables/deployments.js';
import type { Database } from './tables/tables.js';

/**
 * What a rollout that begins asks of its version (decision 0068).
 * @throws AppError `comparison_missing` where it is to be compared with the stable one, and the newest comparison did not pass
 */
export async function requireCompared(trx: Database, { tenant, name }: DeploymentRow, served: Served): Promise<void> {
  const { adapter, stableVersion, canaryVersion, rollout } = served;
  if (rollout?.requires !== 'compare' || adapter === null || canaryVersion === null) return;
  const reports = await listEvaluations(trx, tenant, adapter, canaryVersion);
  const own = reports.filter((report) => report.name === comparisonName(name));
  const newest = own.findLast(({ figures }) => figures.against === (stableVersion ?? 0));
  if (newest?.figures.outcome === 1) return;
  const stable = stableVersion === null ? 'the base' : `${adapter}@${stableVersion}`;
  throw new AppError('comparison_missing', { version: `${adapter}@${canaryVersion}`, stable, deployment: name });
}
