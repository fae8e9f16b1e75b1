/** Pages by what stands behind the `#` of the address: `#/deployments/TENANT/NAME`. */

const PAGES = [
  'overview',
  'deployments',
  'adapters',
  'evaluations',
  'playground',
  'documents',
  'reviews',
  'quality',
  'usage',
  'tenants',
  'models',
  'session',
] as const;
export type PageName = (typeof PAGES)[number];

export interface Place {
  readonly page: PageName;
  readonly tenant: string | null;
  /** Of the page, within the tenant: a deployment, a vector store, an evaluation. */
  readonly item: string | null;
}

/** What is no page is the overview. */
export function readPlace(hash: string): Place {
  const [page = '', tenant = '', item = ''] = hash
    .replace(/^#?\/?/, '')
    .split('/')
    .map(decoded);
  const known = PAGES.find((name) => name === page);
  if (known === undefined) return { page: 'overview', tenant: null, item: null };
  return { page: known, tenant: tenant || null, item: item || null };
}

export function hashOf(page: PageName, tenant: string | null = null, item: string | null = null): string {
  const parts = [page, tenant, item].filter((part) => part !== null);
  return `#/${parts.map(encodeURIComponent).join('/')}`;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
