import { relative, resolve } from 'node:path';
import type { AdapterCompiler } from '../contracts/adapter.js';
import type { Clock } from '../contracts/clock.js';
import type { AdapterVersion, Registry } from '../contracts/registry.js';
import { MAX_ADAPTER_VERSION } from '../contracts/registry-limits.js';
import { AppError } from '../errors/app-error.js';
import type { AdapterRow, Audited, Database } from './database.js';
import { requireTenant } from './tenants.js';
import { invalid, validInteger, validName } from './validate.js';

type Adapters = Pick<Registry, 'addAdapter' | 'listAdapters' | 'getAdapterVersion'>;

export function createAdapters({
  db,
  clock,
  audit,
  compiler,
  dataDir,
}: {
  db: Database;
  clock: Clock;
  audit: Audited;
  compiler: AdapterCompiler;
  dataDir: string;
}): Adapters {
  const toVersion = ({ targets, compiledFile, ...row }: AdapterRow): AdapterVersion => ({
    ...row,
    targets: JSON.parse(targets),
    compiledFile: resolve(dataDir, compiledFile),
  });

  return {
    async addAdapter({ tenant, name, folder, version }) {
      validName('name', name);
      if (version !== undefined) validInteger('version', version, 1, MAX_ADAPTER_VERSION);
      await requireTenant(db, tenant);
      const compiled = await compiler.compile(folder);
      const row = await db.transaction().execute(async (trx) => {
        const versions = await trx
          .selectFrom('adapters')
          .selectAll()
          .where('tenant', '=', tenant)
          .where('name', '=', name)
          .orderBy('version')
          .execute();
        const same = versions.find((candidate) => candidate.digest === compiled.digest);
        if (same && version !== undefined && version !== same.version) {
          throw invalid('version', `this content is ${name}@${same.version} already, got ${version}`);
        }
        if (same) return same;
        if (versions.some((candidate) => candidate.version === version)) {
          throw new AppError('already_exists', { what: 'Adapter', id: `${name}@${version}` });
        }
        const added: AdapterRow = {
          tenant,
          name,
          version: version ?? (versions.at(-1)?.version ?? 0) + 1,
          digest: compiled.digest,
          compiledFile: relative(dataDir, compiled.compiledFile),
          baseDigest: compiled.baseDigest,
          rank: compiled.rank,
          targets: JSON.stringify(compiled.targets),
          bytes: compiled.bytes,
          createdAt: clock.now(),
        };
        await trx.insertInto('adapters').values(added).execute();
        const { compiledFile: _, ...after } = toVersion(added);
        const subject = `${name}@${added.version}`;
        await audit(trx, { tenant, action: 'adapter.added', subject, before: null, after });
        return added;
      });
      return toVersion(row);
    },

    async listAdapters(tenant) {
      await requireTenant(db, tenant);
      const rows = await db
        .selectFrom('adapters')
        .selectAll()
        .where('tenant', '=', tenant)
        .orderBy('name')
        .orderBy('version')
        .execute();
      return rows.map(toVersion);
    },

    getAdapterVersion: async (tenant, name, version) => toVersion(await requireVersion(db, tenant, name, version)),
  };
}

/** @throws AppError `not_found` */
export async function requireVersion(db: Database, tenant: string, name: string, version: number): Promise<AdapterRow> {
  const row = await db
    .selectFrom('adapters')
    .selectAll()
    .where('tenant', '=', tenant)
    .where('name', '=', name)
    .where('version', '=', version)
    .executeTakeFirst();
  if (!row) throw new AppError('not_found', { what: 'Adapter', id: `${name}@${version}` });
  return row;
}
