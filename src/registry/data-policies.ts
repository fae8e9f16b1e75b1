import type { Clock } from '../contracts/clock.js';
import type { DataPolicy, Registry } from '../contracts/registry.js';
import { MAX_KEPT_ANSWERS, MAX_RETENTION_DAYS } from '../contracts/registry-limits.js';
import type { Database } from './database.js';
import { requireTenant } from './tenants.js';
import type { HashUser } from './user-hash.js';
import { validInteger } from './validate.js';

const DAY_MS = 24 * 3600 * 1000;
/** Rows a transaction deletes: each blocks the gateway's thread for its commit. */
const BATCH = 500;
const NONE: DataPolicy = { retentionDays: null, maxAnswers: null, trainingConsent: false };

type DataPolicies = Pick<Registry, 'getDataPolicy' | 'putDataPolicy' | 'forgetUser' | 'expireAnswers'>;

/** How long records of answers are kept, and what may be done with them. */
export function createDataPolicies({
  db,
  clock,
  hashUser,
}: {
  db: Database;
  clock: Clock;
  hashUser: HashUser;
}): DataPolicies {
  async function getDataPolicy(tenant: string): Promise<DataPolicy> {
    await requireTenant(db, tenant);
    const row = await db.selectFrom('dataPolicies').selectAll().where('tenant', '=', tenant).executeTakeFirst();
    if (row === undefined) return NONE;
    const { retentionDays, maxAnswers, trainingConsent } = row;
    return { retentionDays, maxAnswers, trainingConsent: trainingConsent === 1 };
  }

  /** Deletes a batch at a time, so that answers that are given meanwhile never wait for all of them. */
  async function deleteAll(nextIds: () => Promise<readonly { readonly id: string }[]>): Promise<number> {
    let deleted = 0;
    for (let some = await nextIds(); some.length > 0; some = await nextIds()) {
      const ids = some.map(({ id }) => id);
      await db.deleteFrom('answers').where('id', 'in', ids).execute();
      deleted += ids.length;
    }
    return deleted;
  }

  return {
    getDataPolicy,

    async putDataPolicy(tenant, policy) {
      await requireTenant(db, tenant);
      const { retentionDays, maxAnswers, trainingConsent } = policy;
      if (retentionDays !== null) validInteger('retentionDays', retentionDays, 1, MAX_RETENTION_DAYS);
      if (maxAnswers !== null) validInteger('maxAnswers', maxAnswers, 0, MAX_KEPT_ANSWERS);
      const row = { retentionDays, maxAnswers, trainingConsent: trainingConsent ? 1 : 0 } as const;
      await db
        .insertInto('dataPolicies')
        .values({ tenant, ...row })
        .onConflict((conflict) => conflict.column('tenant').doUpdateSet(row))
        .execute();
      return policy;
    },

    async forgetUser(tenant, user) {
      await requireTenant(db, tenant);
      const hash = hashUser(tenant, user);
      return deleteAll(() =>
        db
          .selectFrom('answers')
          .select('id')
          .where('tenant', '=', tenant)
          .where('userHash', '=', hash)
          .limit(BATCH)
          .execute(),
      );
    },

    async expireAnswers(defaults) {
      let deleted = 0;
      const tenants = await db.selectFrom('tenants').select('id').execute();
      for (const { id: tenant } of tenants) {
        const policy = await getDataPolicy(tenant);
        const oldest = clock.now() - (policy.retentionDays ?? defaults.retentionDays) * DAY_MS;
        const own = db.selectFrom('answers').select('id').where('tenant', '=', tenant);
        deleted += await deleteAll(() => own.where('createdAt', '<', oldest).limit(BATCH).execute());
        const newestFirst = own.orderBy('createdAt', 'desc').orderBy('id', 'desc');
        const most = policy.maxAnswers ?? defaults.maxAnswers;
        deleted += await deleteAll(() => newestFirst.limit(BATCH).offset(most).execute());
      }
      return deleted;
    },
  };
}
