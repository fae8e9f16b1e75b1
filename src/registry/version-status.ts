/** What may follow which status, and what a change of a deployment means for its versions: pure, plain data in and out. */
import { NEXT_STATUSES } from '../contracts/registry-limits.js';
import type { RolloutEventType, Served } from '../contracts/rollouts.js';
import type { VersionStatus } from '../contracts/versions.js';
import { AppError } from '../errors/app-error.js';

/** @throws AppError `invalid_transition` */
export function requireTransition(version: string, from: VersionStatus, to: VersionStatus): void {
  const next: readonly VersionStatus[] = NEXT_STATUSES[from];
  if (next.includes(to)) return;
  throw new AppError('invalid_transition', { version, from, to, allowed: next.join(', ') || 'nothing else' });
}

/** Whether it may become canary or stable. */
export const isServable = (status: VersionStatus): boolean => status === 'candidate' || status === 'approved';

/** Versions that a change makes stable, canary, or part of an experiment. */
export function newlyServed(before: Served | null, after: Served): number[] {
  const known = before?.adapter === after.adapter ? versionsOf(before) : [];
  return versionsOf(after).filter((version) => !known.includes(version));
}

/** All that a deployment answers with. */
function versionsOf({ stableVersion, canaryVersion, experiment }: Served): number[] {
  const ofArms = experiment?.arms.map(({ version }) => version ?? null) ?? [];
  return [stableVersion, canaryVersion, ...ofArms].filter((version) => version !== null);
}

/** Whoever makes a version stable approves it, and what is rolled back is quarantined. */
export function statusAfter(
  type: RolloutEventType,
  before: Served | null,
  after: Served,
): { readonly version: number; readonly to: 'approved' | 'quarantined' } | null {
  if (type === 'rolled_back') {
    // Of an experiment no single version is to blame.
    if (before!.experiment !== null) return null;
    const dropped = before!.canaryVersion ?? before!.stableVersion;
    return dropped === null ? null : { version: dropped, to: 'quarantined' };
  }
  const isPromoted = type === 'promoted' || type === 'deployed';
  return isPromoted && after.stableVersion !== null ? { version: after.stableVersion, to: 'approved' } : null;
}
