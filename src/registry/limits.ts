import { isDeepStrictEqual } from 'node:util';
import type { Limits, SetLimits, TenantLimits } from '../contracts/quota.js';
import type { Registry } from '../contracts/registry.js';
import { KEY_LIMITS, LIMITS, TENANT_LIMITS } from '../contracts/registry-limits.js';
import { AppError } from '../errors/app-error.js';
import { requireRevision } from './revision.js';
import type { TableParts } from './table-parts.js';
import type { Database } from './tables/tables.js';
import { requireTenant } from './tenants.js';
import { invalid, validInteger } from './validate.js';

type LimitsOfTenants = Pick<Registry, 'getLimits' | 'putLimits' | 'limitsOf'>;

/** In the table, the tenant as a whole. */
const WHOLE_TENANT = '';
const NONE: TenantLimits = {
  requestsPerMinute: null,
  tokensPerMinute: null,
  tokensPerMonth: null,
  concurrentRequests: null,
  queuedRequests: null,
  storedBytes: null,
  storedPassages: null,
};

/** What tenants and their keys may use. */
export function createLimits({ db, clock, audit, cache }: TableParts): LimitsOfTenants {
  return {
    async getLimits(tenant, keyId) {
      await requireSubject(db, tenant, keyId);
      return findLimits(db, tenant, keyId);
    },

    async putLimits({ tenant, keyId, limits: given }, by) {
      const limits = valid(given, keyId);
      return db.transaction().execute(async (trx) => {
        await requireSubject(trx, tenant, keyId);
        const before = await findLimits(trx, tenant, keyId);
        requireRevision('limits of', keyId ?? tenant, before, by);
        if (isDeepStrictEqual(before.limits, limits)) return before;
        const row = { limits: JSON.stringify(limits), revision: before.revision + 1, updatedAt: clock.now() };
        await trx
          .insertInto('limits')
          .values({ tenant, keyId: keyId ?? WHOLE_TENANT, ...row })
          .onConflict((conflict) => conflict.columns(['tenant', 'keyId']).doUpdateSet(row))
          .execute();
        const after = { ...before, ...row, limits };
        const action = keyId === null ? 'limits.put' : 'key_limits.put';
        await audit(trx, { tenant, action, subject: keyId ?? tenant, before: before.limits, after: limits });
        return after;
      });
    },

    limitsOf: ({ tenant, keyId }) =>
      cache.get(`limits ${tenant} ${keyId}`, async () => {
        const [own, keys] = await Promise.all([findLimits(db, tenant, null), findLimits(db, tenant, keyId)]);
        return { tenant: own.limits, key: keys.limits };
      }),
  };
}

async function findLimits(db: Database, tenant: string, keyId: string | null): Promise<SetLimits> {
  const row = await db
    .selectFrom('limits')
    .selectAll()
    .where('tenant', '=', tenant)
    .where('keyId', '=', keyId ?? WHOLE_TENANT)
    .executeTakeFirst();
  if (row === undefined) return { tenant, keyId, limits: NONE, revision: 0, updatedAt: null };
  return { ...row, keyId, limits: { ...NONE, ...JSON.parse(row.limits) } };
}

/** @throws AppError `not_found` for another tenant's key too */
async function requireSubject(db: Database, tenant: string, keyId: string | null): Promise<void> {
  await requireTenant(db, tenant);
  if (keyId === null) return;
  const found = await db
    .selectFrom('keys')
    .select('id')
    .where('tenant', '=', tenant)
    .where('id', '=', keyId)
    .executeTakeFirst();
  if (!found) throw new AppError('not_found', { what: 'Key', id: keyId });
}

/** All of them, null where one was left out. */
function valid(given: Partial<TenantLimits>, keyId: string | null): TenantLimits {
  const allowed: readonly string[] = keyId === null ? TENANT_LIMITS : KEY_LIMITS;
  const limits = { ...NONE, ...given };
  for (const name of TENANT_LIMITS) {
    const value = limits[name];
    if (value === null) continue;
    if (!allowed.includes(name)) throw invalid(name, 'is a limit of tenants, not of their keys');
    validInteger(name, value, LIMITS[name].minimum, LIMITS[name].maximum);
  }
  const { concurrentRequests, queuedRequests }: Limits = limits;
  if (queuedRequests !== null && concurrentRequests === null) {
    throw invalid('queuedRequests', 'needs concurrentRequests beside it: what is beyond that waits');
  }
  return limits;
}
