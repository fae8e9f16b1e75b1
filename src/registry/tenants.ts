import type { Clock } from '../contracts/clock.js';
import type { Registry, Tenant } from '../contracts/registry.js';
import { MAX_TENANT_NAME } from '../contracts/registry-limits.js';
import { AppError } from '../errors/app-error.js';
import type { Audited } from './database.js';
import { requireRevision } from './revision.js';
import type { Database } from './tables/tables.js';
import { validName, validText } from './validate.js';

type Tenants = Pick<Registry, 'createTenant' | 'listTenants' | 'getTenant' | 'renameTenant'>;

export function createTenants({ db, clock, audit }: { db: Database; clock: Clock; audit: Audited }): Tenants {
  return {
    async createTenant({ id, name }) {
      const tenant = {
        id: validName('id', id),
        name: validText('name', name, MAX_TENANT_NAME),
        createdAt: clock.now(),
        revision: 1,
      };
      await db.transaction().execute(async (trx) => {
        const { numInsertedOrUpdatedRows } = await trx
          .insertInto('tenants')
          .values(tenant)
          .onConflict((conflict) => conflict.doNothing())
          .executeTakeFirstOrThrow();
        if (numInsertedOrUpdatedRows === 0n) throw new AppError('already_exists', { what: 'Tenant', id });
        await audit(trx, { tenant: id, action: 'tenant.created', subject: id, before: null, after: tenant });
      });
      return tenant;
    },

    listTenants: () => db.selectFrom('tenants').selectAll().orderBy('id').execute(),

    getTenant: (id) => requireTenant(db, id),

    async renameTenant(id, name, by) {
      validText('name', name, MAX_TENANT_NAME);
      return db.transaction().execute(async (trx) => {
        const before = await requireTenant(trx, id);
        requireRevision('tenant', id, before, by);
        if (before.name === name) return before;
        const change = { name, revision: before.revision + 1 };
        const after = { ...before, ...change };
        await trx.updateTable('tenants').set(change).where('id', '=', id).execute();
        await audit(trx, { tenant: id, action: 'tenant.renamed', subject: id, before, after });
        return after;
      });
    },
  };
}

/** @throws AppError `not_found` */
export async function requireTenant(db: Database, id: string): Promise<Tenant> {
  const found = await db.selectFrom('tenants').selectAll().where('id', '=', id).executeTakeFirst();
  if (!found) throw new AppError('not_found', { what: 'Tenant', id });
  return found;
}
