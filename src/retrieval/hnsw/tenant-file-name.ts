import { createHash } from 'node:crypto';

const SAFE = /^[a-z0-9][a-z0-9_-]{0,62}$/;

/** The name of a tenant's index file: the tenant's where any file system takes it as it is, else its hash. */
export function tenantFileName(tenant: string): string {
  // No safe name starts with a dot, so that a hash cannot be the name of another tenant.
  return SAFE.test(tenant) ? `${tenant}.hnsw` : `.${createHash('sha256').update(tenant).digest('hex')}.hnsw`;
}
