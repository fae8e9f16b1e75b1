import type { AdapterVersion, Arm, Deployment, Scope } from '../contracts/registry.js';
import type { VersionStatus } from '../contracts/versions.js';
import { AppError } from '../errors/app-error.js';

/** Whether a caller may name a version of this status: what was quarantined only who may choose versions. */
export function mayName(status: VersionStatus, scopes: readonly Scope[]): boolean {
  return status === 'candidate' || status === 'approved' || (status === 'quarantined' && scopes.includes('route'));
}

/**
 * What a deployment serves is its owner's choice, until it is revoked; who names a version reaches what may be named.
 * @throws AppError `version_revoked`, `model_not_found`
 */
export function requireCallable(
  { name, version, status }: AdapterVersion,
  { arm, deployment, scopes }: { arm: Arm; deployment: Deployment; scopes: readonly Scope[] },
): void {
  if (arm === 'pinned' && !mayName(status, scopes)) {
    throw new AppError('model_not_found', { model: `${deployment.name}@${version}` });
  }
  if (arm !== 'pinned' && status === 'revoked') {
    throw new AppError('version_revoked', { version: `${name}@${version}`, deployment: deployment.name });
  }
}
