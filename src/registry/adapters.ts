import { relative } from 'node:path';
import type { AdapterCompiler, CompiledAdapter } from '../contracts/adapter.js';
import type { Clock } from '../contracts/clock.js';
import type { Registry } from '../contracts/registry.js';
import { MAX_ADAPTER_VERSION } from '../contracts/registry-limits.js';
import { AppError } from '../errors/app-error.js';
import type { AdapterFiles } from './adapter-files.js';
import { requireVersion, toVersion, toVersionInfo } from './adapter-rows.js';
import type { Audited } from './database.js';
import type { ReadCache } from './read-cache.js';
import { OPERATOR } from './revision.js';
import { checkSignature } from './signatures.js';
import type { Database } from './tables/tables.js';
import type { AdapterRow } from './tables/versions.js';
import { requireTenant } from './tenants.js';
import { mergeLineage } from './valid-lineage.js';
import { invalid, validInteger, validName } from './validate.js';
import { appendVersionEvent } from './version-moves.js';

type Adapters = Pick<Registry, 'addAdapter' | 'listAdapters' | 'getAdapterVersion'>;

interface Options {
  readonly db: Database;
  readonly clock: Clock;
  readonly audit: Audited;
  readonly cache: ReadCache;
  readonly compiler: AdapterCompiler;
  readonly dataDir: string;
  readonly files: AdapterFiles;
}

export function createAdapters({ db, clock, audit, cache, compiler, dataDir, files }: Options): Adapters {
  return {
    async addAdapter(
      { tenant, name, folder, version, lineage: said = {}, signature = null, anyBase = false },
      by = OPERATOR,
    ) {
      validName('name', name);
      if (version !== undefined) validInteger('version', version, 1, MAX_ADAPTER_VERSION);
      await requireTenant(db, tenant);
      return files.keeping(
        () => compiler.compile(folder, anyBase),
        async (compiled) => {
          const lineage = mergeLineage(said, compiled.training);
          const row = await db.transaction().execute(async (trx) => {
            const signedBy = await checkSignature(trx, tenant, compiled.sources, signature);
            const number = await numberFor(trx, { tenant, name, version }, compiled);
            if (typeof number !== 'number') return number;
            const { parent } = lineage;
            if (parent !== null) await requireVersion(trx, tenant, parent.name, parent.version);
            const added: AdapterRow = {
              tenant,
              name,
              version: number,
              digest: compiled.digest,
              compiledFile: relative(dataDir, compiled.compiledFile),
              baseDigest: compiled.baseDigest,
              rank: compiled.rank,
              targets: JSON.stringify(compiled.targets),
              bytes: compiled.bytes,
              status: 'candidate',
              baseModel: compiled.baseModel,
              addedBy: by.actor,
              sources: JSON.stringify(compiled.sources),
              lineage: JSON.stringify(lineage),
              signedBy,
              createdAt: clock.now(),
            };
            await trx.insertInto('adapters').values(added).execute();
            await appendVersionEvent(trx, added, { from: null, to: added.status, by, at: added.createdAt });
            const subject = `${name}@${added.version}`;
            await audit(trx, { tenant, action: 'adapter.added', subject, before: null, after: toVersionInfo(added) });
            return added;
          });
          return toVersion(row, dataDir);
        },
      );
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
      return rows.map((row) => toVersion(row, dataDir));
    },

    getAdapterVersion: (tenant, name, version) =>
      cache.get(`version ${tenant} ${name} ${version}`, async () => {
        const row = await requireVersion(db, tenant, name, version);
        await files.fetch(row.compiledFile);
        return toVersion(row, dataDir);
      }),
  };
}

/** The number of a version that is added, or the version that the content is already. */
async function numberFor(
  trx: Database,
  { tenant, name, version }: { tenant: string; name: string; version: number | undefined },
  { digest }: CompiledAdapter,
): Promise<number | AdapterRow> {
  const of = (table: 'adapters' | 'deletedVersions') =>
    trx.selectFrom(table).where('tenant', '=', tenant).where('name', '=', name).orderBy('version');
  const versions = await of('adapters').selectAll('adapters').execute();
  const deleted = await of('deletedVersions').selectAll('deletedVersions').execute();
  const same = versions.find((candidate) => candidate.digest === digest);
  if (same && version !== undefined && version !== same.version) {
    throw invalid('version', `this content is ${name}@${same.version} already, got ${version}`);
  }
  if (same) return same;
  const revoked = deleted.find((candidate) => candidate.digest === digest && candidate.status === 'revoked');
  if (revoked) {
    throw new AppError('invalid_transition', {
      version: `${name}@${revoked.version}`,
      from: 'revoked',
      to: 'candidate',
      allowed: 'nothing else, also under another number',
    });
  }
  const taken = [...versions, ...deleted].map((candidate) => candidate.version);
  if (version !== undefined && taken.includes(version)) {
    throw new AppError('already_exists', { what: 'Adapter', id: `${name}@${version}` });
  }
  return version ?? Math.max(0, ...taken) + 1;
}
