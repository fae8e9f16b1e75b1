import type { Clock } from '../contracts/clock.js';
import type { Registry } from '../contracts/registry.js';
import type { Safety, SafetyPolicy } from '../contracts/safety.js';
import { AppError } from '../errors/app-error.js';
import type { Audited } from './database.js';
import type { ReadCache } from './read-cache.js';
import type { PolicyRow } from './tables/deployments.js';
import type { Database } from './tables/tables.js';
import { requireTenant } from './tenants.js';
import { validName } from './validate.js';

type Policies = Pick<Registry, 'putPolicy' | 'listPolicies' | 'getPolicy'>;

interface Options {
  readonly db: Database;
  readonly clock: Clock;
  readonly audit: Audited;
  readonly cache: ReadCache;
  readonly checkRules: Safety['check'];
}

/** Revisions of safety policies: a deployment names one, and none ever changes. */
export function createPolicies({ db, clock, audit, cache, checkRules }: Options): Policies {
  return {
    async putPolicy({ tenant, name, rules: given }) {
      validName('name', name);
      checkRules(given);
      const rules = JSON.stringify(given);
      return db.transaction().execute(async (trx) => {
        await requireTenant(trx, tenant);
        const current = await findPolicy(trx, tenant, name, null);
        if (current?.rules === rules) return toPolicy(current);
        const row: PolicyRow = {
          tenant,
          name,
          revision: (current?.revision ?? 0) + 1,
          rules,
          createdAt: clock.now(),
        };
        await trx.insertInto('policies').values(row).execute();
        const [before, after] = [current ? toPolicy(current) : null, toPolicy(row)];
        await audit(trx, { tenant, action: 'policy.put', subject: `${name}@${row.revision}`, before, after });
        return after;
      });
    },

    async listPolicies(tenant) {
      await requireTenant(db, tenant);
      const rows = await db
        .selectFrom('policies')
        .selectAll()
        .where('tenant', '=', tenant)
        .orderBy('name')
        .orderBy('revision')
        .execute();
      return rows.filter(({ name }, i) => rows[i + 1]?.name !== name).map(toPolicy);
    },

    getPolicy: (tenant, name, revision) =>
      cache.get(`policy ${tenant} ${name} ${revision}`, async () =>
        toPolicy(await requirePolicy(db, tenant, name, revision)),
      ),
  };
}

/** @param revision null: the newest. @throws AppError `not_found` */
export async function requirePolicy(
  db: Database,
  tenant: string,
  name: string,
  revision: number | null,
): Promise<PolicyRow> {
  const row = await findPolicy(db, tenant, name, revision);
  if (row) return row;
  throw new AppError('not_found', { what: 'Policy', id: revision === null ? name : `${name}@${revision}` });
}

function findPolicy(db: Database, tenant: string, name: string, revision: number | null) {
  const all = db.selectFrom('policies').selectAll().where('tenant', '=', tenant).where('name', '=', name);
  const some = revision === null ? all : all.where('revision', '=', revision);
  return some.orderBy('revision', 'desc').limit(1).executeTakeFirst();
}

function toPolicy({ rules, ...row }: PolicyRow): SafetyPolicy {
  return { ...row, rules: JSON.parse(rules) };
}
