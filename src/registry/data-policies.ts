import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../contracts/clock.js';
import type { DataPolicy, Registry, SetDataPolicy } from '../contracts/registry.js';
import { MAX_KEPT_ANSWERS, MAX_RETENTION_DAYS } from '../contracts/registry-limits.js';
import { AppError } from '../errors/app-error.js';
import type { Audited } from './database.js';
import type { ReadCache } from './read-cache.js';
import { requireRevision } from './revision.js';
import type { Database } from './tables/tables.js';
import { requireTenant } from './tenants.js';
import type { HashUser } from './user-hash.js';
import { validInteger } from './validate.js';

const DAY_MS = 24 * 3600 * 1000;
/** Rows a transaction deletes: each blocks the gateway's thread for its commit. */
const BATCH = 500;
const NONE: SetDataPolicy = {
  retentionDays: null,
  maxAnswers: null,
  trainingConsent: false,
  storeResponses: true,
  captureRate: 0,
  captureDays: null,
  revision: 0,
};

type DataPolicies = Pick<Registry, 'getDataPolicy' | 'putDataPolicy' | 'forgetUser' | 'expireAnswers'>;

/** How long records of answers are kept, and what may be done with them. */
export function createDataPolicies({
  db,
  clock,
  audit,
  cache,
  hashUser,
}: {
  db: Database;
  clock: Clock;
  audit: Audited;
  cache: ReadCache;
  hashUser: HashUser;
}): DataPolicies {
  /**
   * Deletes a batch at a time, so that answers that are given meanwhile never wait for all of them.
   * @param note of each batch, in its transaction
   */
  async function deleteAll(
    nextIds: () => Promise<readonly { readonly id: string }[]>,
    note?: (trx: Database, answers: number) => Promise<void>,
  ): Promise<number> {
    let deleted = 0;
    for (let some = await nextIds(); some.length > 0; some = await nextIds()) {
      const ids = some.map(({ id }) => id);
      await db.transaction().execute(async (trx) => {
        const { numDeletedRows } = await trx.deleteFrom('answers').where('id', 'in', ids).executeTakeFirstOrThrow();
        if (numDeletedRows > 0n) await note?.(trx, Number(numDeletedRows));
        deleted += Number(numDeletedRows);
      });
    }
    return deleted;
  }

  return {
    getDataPolicy: (tenant) => cache.get(`data policy ${tenant}`, () => findDataPolicy(db, tenant)),

    async putDataPolicy(tenant, policy, by) {
      const { retentionDays, maxAnswers, trainingConsent, storeResponses, captureRate, captureDays } = policy;
      if (retentionDays !== null) validInteger('retentionDays', retentionDays, 1, MAX_RETENTION_DAYS);
      if (maxAnswers !== null) validInteger('maxAnswers', maxAnswers, 0, MAX_KEPT_ANSWERS);
      if (captureDays !== null) validInteger('captureDays', captureDays, 1, MAX_RETENTION_DAYS);
      if (!(captureRate >= 0 && captureRate <= 1)) {
        throw new AppError('invalid_value', { param: 'captureRate', reason: 'it must be from 0 (none) to 1 (all)' });
      }
      const after: DataPolicy = {
        retentionDays,
        maxAnswers,
        trainingConsent,
        storeResponses,
        captureRate,
        captureDays,
      };
      return db.transaction().execute(async (trx) => {
        const { revision: current, ...before } = await findDataPolicy(trx, tenant);
        requireRevision('data policy of', tenant, { revision: current }, by);
        if (isDeepStrictEqual(before, after)) return { ...after, revision: current };
        const revision = current + 1;
        const row = {
          ...after,
          trainingConsent: trainingConsent ? 1 : 0,
          storeResponses: storeResponses ? 1 : 0,
          revision,
        } as const;
        await trx
          .insertInto('dataPolicies')
          .values({ tenant, ...row })
          .onConflict((conflict) => conflict.column('tenant').doUpdateSet(row))
          .execute();
        await audit(trx, { tenant, action: 'data_policy.put', subject: tenant, before, after });
        return { ...after, revision };
      });
    },

    async forgetUser(tenant, user) {
      await requireTenant(db, tenant);
      const hash = hashUser(tenant, user);
      const own = db.selectFrom('answers').select('id').where('tenant', '=', tenant).where('userHash', '=', hash);
      await db.deleteFrom('responses').where('tenant', '=', tenant).where('userHash', '=', hash).execute();
      const conversations = db.selectFrom('conversations').select('id').where('tenant', '=', tenant);
      const said = db.deleteFrom('conversationItems').where('userHash', '=', hash);
      await said.where('conversation', 'in', conversations).execute();
      return deleteAll(
        () => own.limit(BATCH).execute(),
        (trx, answers) =>
          // A log from which nothing can be taken must not say whom it forgot.
          audit(trx, {
            tenant,
            action: 'user.forgotten',
            subject: hash.toString('hex'),
            before: { answers },
            after: null,
          }),
      );
    },

    async expireAnswers(defaults) {
      let deleted = 0;
      const tenants = await db.selectFrom('tenants').select('id').execute();
      for (const { id: tenant } of tenants) {
        const policy = await findDataPolicy(db, tenant);
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

/** @throws AppError `not_found` where there is no such tenant */
async function findDataPolicy(db: Database, tenant: string): Promise<SetDataPolicy> {
  await requireTenant(db, tenant);
  const row = await db.selectFrom('dataPolicies').selectAll().where('tenant', '=', tenant).executeTakeFirst();
  if (row === undefined) return NONE;
  const { retentionDays, maxAnswers, captureRate, captureDays, revision } = row;
  const [trainingConsent, storeResponses] = [row.trainingConsent === 1, row.storeResponses === 1];
  return { retentionDays, maxAnswers, trainingConsent, storeResponses, captureRate, captureDays, revision };
}
