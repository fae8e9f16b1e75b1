/** Which tenants a key of the admin API reaches, and what it may hand on: pure but for the error. */
import type { ApiKeyInfo, Principal, Scope } from '../contracts/registry.js';
import { AppError } from '../errors/app-error.js';

/** What bounds a key. */
export type Reach = Pick<ApiKeyInfo, 'scopes' | 'groups' | 'expiresAt'>;

/** Other tenants do not exist for who does not administer them all. @throws AppError `not_found` */
export function requireReach(principal: Principal, tenant: string): void {
  if (principal.tenant === tenant || principal.scopes.includes('admin')) return;
  throw new AppError('not_found', { what: 'Tenant', id: tenant });
}

/** What a key that is wanted could do beyond what `own` can; null: nothing. */
export function excessOf(own: Reach, wanted: Reach): string | null {
  if (own.scopes.includes('admin')) return null;
  const scope = wanted.scopes.find((each) => !grantable(own.scopes).includes(each));
  if (scope !== undefined) return `it has the scope ${scope}`;
  // A key without groups finds what is for everybody, and administers documents.
  const isWithin = wanted.groups.length > 0 && wanted.groups.every((group) => own.groups.includes(group));
  if (own.groups.length > 0 && !isWithin) return 'it is not bound to the groups of this one';
  if (own.expiresAt !== null && (wanted.expiresAt === null || wanted.expiresAt > own.expiresAt)) {
    return 'it expires later';
  }
  return null;
}

function grantable(scopes: readonly Scope[]): readonly Scope[] {
  return scopes.includes('tenant-admin') ? [...scopes, 'release'] : scopes;
}
