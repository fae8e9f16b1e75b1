import type { ChangedBy, IfRevision } from '../contracts/rollouts.js';
import { AppError } from '../errors/app-error.js';

/** Where nobody is named, whoever holds the data folder. */
export const OPERATOR: ChangedBy = { actor: 'operator' };

/** @throws AppError `revision_mismatch` where a thing is not at the revision that its change is conditional on */
export function requireRevision(
  what: string,
  name: string,
  current: { readonly revision: number } | undefined,
  by?: IfRevision,
): void {
  const revision = current?.revision ?? 0;
  if (by?.ifRevision === undefined || by.ifRevision === revision) return;
  throw new AppError('revision_mismatch', { what, name, ifRevision: by.ifRevision, revision });
}
