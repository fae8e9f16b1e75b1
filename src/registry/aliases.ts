import type { Registry } from '../contracts/registry.js';
import { ALIAS_PATTERN } from '../contracts/registry-limits.js';
import type { Alias } from '../contracts/versions.js';
import { AppError } from '../errors/app-error.js';
import { requireVersion } from './adapter-rows.js';
import { requireRevision } from './revision.js';
import type { TableParts } from './table-parts.js';
import type { Database } from './tables/tables.js';
import { requireTenant } from './tenants.js';
import { invalid } from './validate.js';

type Aliases = Pick<Registry, 'putAlias' | 'removeAlias' | 'getAlias' | 'listAliases'>;
type Name = Pick<Alias, 'tenant' | 'adapter' | 'alias'>;

const PATTERN = new RegExp(ALIAS_PATTERN);

/** Names of versions that move: each move is one transaction with its line in the audit log. */
export function createAliases({ db, clock, audit, cache }: TableParts): Aliases {
  const subject = ({ adapter, alias }: Name) => `${adapter}@${alias}`;
  const find = (from: Database, { tenant, adapter, alias }: Name): Promise<Alias | undefined> =>
    from
      .selectFrom('aliases')
      .selectAll()
      .where('tenant', '=', tenant)
      .where('adapter', '=', adapter)
      .where('alias', '=', alias)
      .executeTakeFirst();
  const require = async (from: Database, name: Name): Promise<Alias> => {
    const found = await find(from, name);
    if (!found) throw new AppError('not_found', { what: 'Alias', id: subject(name) });
    return found;
  };

  return {
    async putAlias({ tenant, adapter, alias, version }, by) {
      if (!PATTERN.test(alias)) {
        const reason =
          'must be 1 to 63 lower-case letters, digits, "-", "_" or ".", with a letter first and a letter or digit last';
        throw invalid('alias', `${reason}, got "${alias.slice(0, 80)}"`);
      }
      return db.transaction().execute(async (trx) => {
        await requireVersion(trx, tenant, adapter, version);
        const before = await find(trx, { tenant, adapter, alias });
        requireRevision('alias', `${adapter}@${alias}`, before, by);
        if (before?.version === version) return before;
        const revision = (before?.revision ?? 0) + 1;
        const after = { tenant, adapter, alias, version, revision, updatedAt: clock.now() };
        await trx
          .insertInto('aliases')
          .values(after)
          .onConflict((conflict) => conflict.columns(['tenant', 'adapter', 'alias']).doUpdateSet(after))
          .execute();
        const action = before ? 'alias.moved' : 'alias.created';
        await audit(trx, { tenant, action, subject: subject(after), before: before ?? null, after });
        return after;
      });
    },

    removeAlias: (name, by) =>
      db.transaction().execute(async (trx) => {
        const before = await require(trx, name);
        requireRevision('alias', subject(name), before, by);
        const { tenant, adapter, alias } = before;
        await trx
          .deleteFrom('aliases')
          .where('tenant', '=', tenant)
          .where('adapter', '=', adapter)
          .where('alias', '=', alias)
          .execute();
        await audit(trx, { tenant, action: 'alias.removed', subject: subject(before), before, after: null });
        return before;
      }),

    getAlias: (tenant, adapter, alias) =>
      cache.get(`alias ${tenant} ${adapter} ${alias}`, () => require(db, { tenant, adapter, alias })),

    async listAliases(tenant) {
      await requireTenant(db, tenant);
      return db
        .selectFrom('aliases')
        .selectAll()
        .where('tenant', '=', tenant)
        .orderBy('adapter')
        .orderBy('alias')
        .execute();
    },
  };
}
