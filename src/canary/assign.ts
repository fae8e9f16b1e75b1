import { createHash } from 'node:crypto';
import type { ExperimentArm } from '../contracts/experiments.js';
import type { AssignArm } from '../contracts/routing.js';
import { AppError } from '../errors/app-error.js';

type Request = Parameters<AssignArm>[0];

export const assignArm: AssignArm = (request) => {
  const { name, adapter, stableVersion, canaryVersion, experiment } = request.deployment;
  const { version, canary } = request.override;
  if (version !== null) {
    if (adapter === null) throw new AppError('model_not_found', { model: `${name}@${version}` });
    return { arm: 'pinned', version, assignedBy: 'pin' };
  }
  if (experiment && canary === null) {
    const arm = armAt(experiment.arms, position(request, experiment.startedAt));
    return { arm: arm.name, version: arm.version ?? stableVersion, assignedBy: 'experiment', changes: arm };
  }
  const [assignedBy, wantsCanary] = choose(request);
  return canaryVersion !== null && wantsCanary
    ? { arm: 'canary', version: canaryVersion, assignedBy }
    : { arm: 'stable', version: stableVersion, assignedBy };
};

/** Whether it is to be the canary, and by what: the header, a group of the caller's, the weight. */
function choose(request: Request): readonly ['header' | 'group' | 'weight', boolean] {
  const { deployment, groups, override } = request;
  if (override.canary !== null) return ['header', override.canary === 'always'];
  const { canaryGroups = [], canaryWeight } = deployment;
  if (groups?.some((group) => canaryGroups.includes(group))) return ['group', true];
  return ['weight', canaryWeight > 0 && position(request) < canaryWeight];
}

/** The arm whose part of [0, 100) it is, one behind the other. */
function armAt(arms: readonly ExperimentArm[], at: number): ExperimentArm {
  let end = 0;
  return arms.find(({ weight }) => at < (end += weight)) ?? arms.at(-1)!;
}

/**
 * Where a unit stands in [0, 100): uniform over units, and its own for each deployment, so that the same users are
 * not the first of every rollout. Units below the weight get the canary, hence a larger weight keeps them there.
 * @param experiment what tells it from others, so that none has its arms from the one before
 */
function position({ deployment: { tenant, name }, unit }: Request, experiment?: number): number {
  const hash = createHash('sha256')
    .update(JSON.stringify([tenant, name, unit(), ...(experiment === undefined ? [] : [experiment])]))
    .digest();
  return (hash.readUInt32BE(0) / 2 ** 32) * 100;
}
