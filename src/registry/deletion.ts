import type { Clock } from '../contracts/clock.js';
import type { Registry } from '../contracts/registry.js';
import { AppError } from '../errors/app-error.js';
import type { AdapterFiles } from './adapter-files.js';
import { requireVersion, toVersion, toVersionInfo } from './adapter-rows.js';
import type { Audited } from './database.js';
import { hasArm } from './deployment-rows.js';
import type { Database } from './tables/tables.js';
import type { AdapterRow } from './tables/versions.js';

type Deletion = Pick<Registry, 'deleteVersion' | 'collectAdapterFiles'>;

interface Options {
  readonly db: Database;
  readonly clock: Clock;
  readonly audit: Audited;
  readonly dataDir: string;
  readonly files: AdapterFiles;
}

/** Versions go for good; what is left of one is that its number was given, and whether its content was revoked. */
export function createDeletion({ db, clock, audit, dataDir, files }: Options): Deletion {
  return {
    async deleteVersion(tenant, name, version) {
      const deleted = await db.transaction().execute(async (trx) => {
        const row = await requireVersion(trx, tenant, name, version);
        await requireUnnamed(trx, row);
        const { digest, status } = row;
        const left = { tenant, name, version, digest, status, deletedAt: clock.now() };
        await trx.insertInto('deletedVersions').values(left).execute();
        await trx
          .deleteFrom('adapters')
          .where('tenant', '=', tenant)
          .where('name', '=', name)
          .where('version', '=', version)
          .execute();
        const subject = `${name}@${version}`;
        await audit(trx, { tenant, action: 'adapter.deleted', subject, before: toVersionInfo(row), after: null });
        return row;
      });
      // What a crash leaves here goes with the next start.
      await files.collect();
      return toVersion(deleted, dataDir);
    },

    collectAdapterFiles: files.collect,
  };
}

/** @throws AppError `version_in_use` */
async function requireUnnamed(trx: Database, { tenant, name, version }: AdapterRow): Promise<void> {
  const deployments = await trx
    .selectFrom('deployments')
    .select(['name', 'stableVersion', 'canaryVersion', 'previousVersion', hasArm(version).as('isInExperiment')])
    .where('tenant', '=', tenant)
    .where('adapter', '=', name)
    .execute();
  const aliases = await trx
    .selectFrom('aliases')
    .select('alias')
    .where('tenant', '=', tenant)
    .where('adapter', '=', name)
    .where('version', '=', version)
    .execute();
  const uses = [
    ...deployments.flatMap((each) => [
      ...(each.stableVersion === version ? [`stable of ${each.name}`] : []),
      ...(each.canaryVersion === version ? [`canary of ${each.name}`] : []),
      ...(each.isInExperiment ? [`in an experiment of ${each.name}`] : []),
      ...(each.previousVersion === version ? [`what ${each.name} would go back to`] : []),
    ]),
    ...aliases.map(({ alias }) => `named ${alias}`),
  ];
  if (uses.length === 0) return;
  throw new AppError('version_in_use', { version: `${name}@${version}`, what: uses.join(', '), to: 'deleted' });
}
