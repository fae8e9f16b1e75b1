/** What each change does to the versions a deployment serves: pure transitions, plain data in and out. */
import { AppError } from '../errors/app-error.js';
import { invalid } from './validate.js';

/** `null` as a version is the bare base model. */
export interface Rollout {
  readonly adapter: string | null;
  readonly stableVersion: number | null;
  readonly canaryVersion: number | null;
  readonly canaryWeight: number;
  /** The stable version before this one, for one step back; null where there is none. */
  readonly previous: { readonly version: number | null } | null;
}

const NO_CANARY = { canaryVersion: null, canaryWeight: 0 } as const;

/** Another adapter starts afresh: versions of the old one mean nothing to it. */
export function withStable(
  current: Rollout | null,
  { adapter, stableVersion }: { adapter: string | null; stableVersion: number | null },
): Rollout {
  if (adapter === null && stableVersion !== null) {
    throw invalid('stableVersion', `must be null where adapter is null, got ${stableVersion}`);
  }
  if (current === null || current.adapter !== adapter) return { adapter, stableVersion, ...NO_CANARY, previous: null };
  if (current.stableVersion === stableVersion) return current;
  const canary = current.canaryVersion === stableVersion ? NO_CANARY : {};
  return { ...current, stableVersion, ...canary, previous: { version: current.stableVersion } };
}

export function withCanary(current: Rollout, { version, weight }: { version: number; weight: number }): Rollout {
  if (current.adapter === null) throw invalid('version', 'the deployment names no adapter, so it has no versions');
  if (version === current.stableVersion) throw invalid('version', `${version} is the stable version already`);
  return { ...current, canaryVersion: version, canaryWeight: weight };
}

/** The canary becomes stable. @throws AppError `no_canary` */
export function promoted(current: Rollout, deployment: string): Rollout {
  if (current.canaryVersion === null) throw new AppError('no_canary', { deployment });
  return {
    ...current,
    stableVersion: current.canaryVersion,
    ...NO_CANARY,
    previous: { version: current.stableVersion },
  };
}

/** Drops the canary; without one, one step back to the previous stable version. @throws AppError `nothing_to_roll_back` */
export function rolledBack(current: Rollout, deployment: string): Rollout {
  if (current.canaryVersion !== null) return { ...current, ...NO_CANARY };
  if (current.previous === null) throw new AppError('nothing_to_roll_back', { deployment });
  return { ...current, stableVersion: current.previous.version, previous: null };
}
