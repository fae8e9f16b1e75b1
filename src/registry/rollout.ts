/** What each change does to the versions a deployment serves: pure transitions, plain data in and out. */
import { isDeepStrictEqual } from 'node:util';
import type { ExperimentPlan } from '../contracts/experiments.js';
import type { CanaryRules, RolloutEventType, RolloutPlan, Served } from '../contracts/rollouts.js';
import { AppError } from '../errors/app-error.js';
import { invalid } from './validate.js';

/** What is served after a change, and the event that says so; no event: it is so already. */
export interface Transition {
  readonly type: RolloutEventType | null;
  readonly served: Served;
}

const NO_CANARY = { canaryVersion: null, canaryWeight: 0, canaryGroups: [], shadowWeight: 0, rollout: null } as const;

/** Another adapter starts afresh: versions of the old one mean nothing to it. */
export function withStable(
  current: Served | null,
  { adapter, stableVersion }: Pick<Served, 'adapter' | 'stableVersion'>,
): Transition {
  if (adapter === null && stableVersion !== null) {
    throw invalid('stableVersion', `must be null where adapter is null, got ${stableVersion}`);
  }
  if (current?.adapter === adapter && current.stableVersion === stableVersion) return { type: null, served: current };
  if (current !== null) refuseUnderWay(current);
  if (current === null || current.adapter !== adapter) {
    return { type: 'deployed', served: { adapter, stableVersion, ...NO_CANARY, experiment: null, previous: null } };
  }
  const canary = current.canaryVersion === stableVersion ? NO_CANARY : {};
  const previous = { version: current.stableVersion };
  return { type: 'deployed', served: { ...current, stableVersion, ...canary, previous } };
}

export function withCanary(
  current: Served,
  { version, weight, ...rules }: { version: number; weight: number } & CanaryRules,
): Transition {
  refuseUnderWay(current);
  const served = { ...letIn(current, version, rules), canaryWeight: weight };
  return isDeepStrictEqual(served, current) ? { type: null, served: current } : { type: 'canary_set', served };
}

export function started(
  current: Served,
  { version, plan, ...rules }: { version: number; plan: RolloutPlan } & CanaryRules,
  now: number,
): Transition {
  refuseUnderWay(current);
  const rollout = { ...plan, step: 0, status: 'running', startedAt: now, stepStartedAt: now } as const;
  return { type: 'started', served: { ...letIn(current, version, rules), canaryWeight: plan.steps[0]!, rollout } };
}

/** @throws AppError `no_rollout` */
export function changed(
  current: Served,
  change: 'advance' | 'pause' | 'resume',
  deployment: string,
  now: number,
): Transition {
  const { rollout } = current;
  if (rollout === null) throw new AppError('no_rollout', { deployment });
  if (change === 'advance') {
    const weight = rollout.steps[rollout.step + 1];
    if (weight === undefined) return { type: null, served: current };
    const next = { ...rollout, step: rollout.step + 1, stepStartedAt: now };
    return { type: 'advanced', served: { ...current, canaryWeight: weight, rollout: next } };
  }
  const status = change === 'pause' ? 'paused' : 'running';
  if (rollout.status === status) return { type: null, served: current };
  return { type: `${change}d`, served: { ...current, rollout: { ...rollout, status } } };
}

/** Arms share the traffic that a canary would have a part in, so there is none beside them. */
export function experimentStarted(current: Served, plan: ExperimentPlan, now: number): Transition {
  refuseUnderWay(current);
  const { adapter, canaryVersion } = current;
  if (canaryVersion !== null) throw new AppError('rollout_under_way', { version: `${adapter}@${canaryVersion}` });
  if (adapter === null && plan.arms.some(({ version }) => version !== undefined)) {
    throw invalid('arms', 'cannot name versions: the deployment names no adapter');
  }
  return { type: 'experiment_started', served: { ...current, experiment: { ...plan, startedAt: now } } };
}

/** @throws AppError `no_experiment` */
export function experimentEnded(current: Served, last: RolloutEventType | null, deployment: string): Transition {
  if (current.experiment !== null) return { type: 'experiment_ended', served: { ...current, experiment: null } };
  if (last === 'experiment_ended') return { type: null, served: current };
  throw new AppError('no_experiment', { deployment });
}

/** The canary becomes stable; nothing more where that was the last thing done. @throws AppError `no_canary` */
export function promoted(current: Served, last: RolloutEventType | null, deployment: string): Transition {
  if (current.canaryVersion === null) {
    if (last === 'promoted') return { type: null, served: current };
    throw new AppError('no_canary', { deployment });
  }
  const previous = { version: current.stableVersion };
  return {
    type: 'promoted',
    served: { ...current, stableVersion: current.canaryVersion, ...NO_CANARY, previous },
  };
}

/**
 * Drops the canary or the experiment; without one, one step back to the previous stable version; nothing more where a rollback was the last
 * thing done. @throws AppError `nothing_to_roll_back`
 */
export function rolledBack(current: Served, last: RolloutEventType | null, deployment: string): Transition {
  if (current.canaryVersion !== null || current.experiment !== null) {
    return { type: 'rolled_back', served: { ...current, ...NO_CANARY, experiment: null } };
  }
  if (last === 'rolled_back') return { type: null, served: current };
  if (current.previous === null) throw new AppError('nothing_to_roll_back', { deployment });
  return { type: 'rolled_back', served: { ...current, stableVersion: current.previous.version, previous: null } };
}

function letIn(current: Served, version: number, { groups, shadowWeight }: CanaryRules): Served {
  if (current.adapter === null) throw invalid('version', 'the deployment names no adapter, so it has no versions');
  if (version === current.stableVersion) throw invalid('version', `${version} is the stable version already`);
  const kept = current.canaryVersion === version ? current : NO_CANARY;
  return {
    ...current,
    canaryVersion: version,
    canaryGroups: groups ?? kept.canaryGroups,
    shadowWeight: shadowWeight ?? kept.shadowWeight,
  };
}

/** @throws AppError `experiment_under_way`, `rollout_under_way` */
export function refuseUnderWay({ adapter, canaryVersion, rollout, experiment }: Served): void {
  if (experiment !== null) throw new AppError('experiment_under_way', {});
  if (rollout !== null) throw new AppError('rollout_under_way', { version: `${adapter}@${canaryVersion}` });
}
