import type { Clock } from '../contracts/clock.js';
import type { Registry } from '../contracts/registry.js';
import { MAX_TENANT_NAME } from '../contracts/registry-limits.js';
import { AppError } from '../errors/app-error.js';
import type { Audited, Database } from './database.js';
import { validName, validText } from './validate.js';

type Tenants = Pick<Registry, 'createTenant' | 'listTenants'>;

export function createTenants({ db, clock, audit }: { db: Database; clock: Clock; audit: Audited }): Tenants {
  return {
    async createTenant({ id, name }) {
      const tenant = {
        id: validName('id', id),
        name: validText('name', name, MAX_TENANT_NAME),
        createdAt: clock.now(),
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
  };
}

/** @throws AppError `not_found` */
export async function requireTenant(db: Database, id: string): Promise<void> {
  const found = await db.selectFrom('tenants').select('id').where('id', '=', id).executeTakeFirst();
  if (!found) throw new AppError('not_found', { what: 'Tenant', id });
}
