import type { Clock } from '../contracts/clock.js';
import type { Registry } from '../contracts/registry.js';
import type { Database } from './tables/tables.js';

/** Of several gateways over one store, exactly one does what a lease is for. */
export function createLeases({ db, clock }: { db: Database; clock: Clock }): Pick<Registry, 'takeLease'> {
  return {
    async takeLease(name, holder, ttlMs) {
      const now = clock.now();
      const lease = { holder, endsAt: now + ttlMs };
      const { numInsertedOrUpdatedRows } = await db
        .insertInto('leases')
        .values({ name, ...lease })
        .onConflict((conflict) =>
          conflict
            .column('name')
            .doUpdateSet(lease)
            .where((eb) => eb.or([eb('leases.holder', '=', holder), eb('leases.endsAt', '<=', now)])),
        )
        .executeTakeFirstOrThrow();
      return numInsertedOrUpdatedRows === 1n;
    },
  };
}
