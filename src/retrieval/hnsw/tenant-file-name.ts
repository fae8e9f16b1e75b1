import { createHash } from 'node:crypto';

const SAFE = /^[a-z0-9][a-z0-9_-]{0,62}$/;
/** Of the model that a database had first, whose indexes have no number in their names. */
const FIRST = 1;

/**
 * The name of the file of a tenant's index: the tenant's where any file system takes it as it is, else its hash.
 * @param embedder key of the model whose vectors it holds
 */
export function tenantFileName(tenant: string, embedder: number): string {
  // No safe name has a dot, so that neither a hash nor a number makes it the name of another tenant.
  const name = SAFE.test(tenant) ? tenant : `.${createHash('sha256').update(tenant).digest('hex')}`;
  return embedder === FIRST ? `${name}.hnsw` : `${name}.${embedder}.hnsw`;
}
