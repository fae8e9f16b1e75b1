import { createHash } from 'node:crypto';
import type { Deployment } from '../contracts/registry.js';
import type { AssignArm } from '../contracts/routing.js';
import { AppError } from '../errors/app-error.js';

export const assignArm: AssignArm = ({ deployment, unit, override }) => {
  const { name, adapter, stableVersion, canaryVersion, canaryWeight } = deployment;
  if (override.version !== null) {
    if (adapter === null) throw new AppError('model_not_found', { model: `${name}@${override.version}` });
    return { arm: 'pinned', version: override.version };
  }
  const wanted = override.canary ?? (position(deployment, unit) < canaryWeight ? 'always' : 'never');
  return canaryVersion !== null && wanted === 'always'
    ? { arm: 'canary', version: canaryVersion }
    : { arm: 'stable', version: stableVersion };
};

/**
 * Where a unit stands in [0, 100): uniform over units, and its own for each deployment, so that the same users are
 * not the first of every rollout. Units below the weight get the canary, hence a larger weight keeps them there.
 */
function position({ tenant, name }: Deployment, unit: string): number {
  const hash = createHash('sha256')
    .update(JSON.stringify([tenant, name, unit]))
    .digest();
  return (hash.readUInt32BE(0) / 2 ** 32) * 100;
}
