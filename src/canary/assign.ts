import { createHash } from 'node:crypto';
import type { Deployment } from '../contracts/registry.js';
import type { AssignArm } from '../contracts/routing.js';
import { AppError } from '../errors/app-error.js';

type Request = Parameters<AssignArm>[0];

export const assignArm: AssignArm = (request) => {
  const { name, adapter, stableVersion, canaryVersion } = request.deployment;
  const { version } = request.override;
  if (version !== null) {
    if (adapter === null) throw new AppError('model_not_found', { model: `${name}@${version}` });
    return { arm: 'pinned', version, assignedBy: 'pin' };
  }
  const [assignedBy, wantsCanary] = choose(request);
  return canaryVersion !== null && wantsCanary
    ? { arm: 'canary', version: canaryVersion, assignedBy }
    : { arm: 'stable', version: stableVersion, assignedBy };
};

/** Whether it is to be the canary, and by what: the header, a group of the caller's, the weight. */
function choose({ deployment, unit, groups, override }: Request): readonly ['header' | 'group' | 'weight', boolean] {
  if (override.canary !== null) return ['header', override.canary === 'always'];
  const { canaryGroups = [], canaryWeight } = deployment;
  if (groups?.some((group) => canaryGroups.includes(group))) return ['group', true];
  return ['weight', position(deployment, unit) < canaryWeight];
}

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
