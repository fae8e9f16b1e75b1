import type { Clock } from '../contracts/clock.js';
import type { Registry } from '../contracts/registry.js';
import { VERSION_STATUSES } from '../contracts/registry-limits.js';
import { AppError } from '../errors/app-error.js';
import { requireVersion, toVersion } from './adapter-rows.js';
import type { Audited } from './database.js';
import { servedBy } from './deployment-rows.js';
import type { DropCanaries } from './deployments.js';
import { OPERATOR } from './revision.js';
import type { Database } from './tables/tables.js';
import type { AdapterRow } from './tables/versions.js';
import { invalid } from './validate.js';
import { moveVersion } from './version-moves.js';
import { isServable, requireTransition } from './version-status.js';

type Versions = Pick<Registry, 'setVersionStatus' | 'listVersionEvents'>;

interface Options extends DropCanaries {
  readonly db: Database;
  readonly clock: Clock;
  readonly audit: Audited;
  readonly dataDir: string;
}

/** The status of versions, and who changed it why. */
export function createVersions({ db, clock, audit, dropCanaries, dataDir }: Options): Versions {
  return {
    async setVersionStatus(tenant, name, version, status, by = OPERATOR) {
      if (!VERSION_STATUSES.includes(status)) {
        throw invalid('status', `must be one of ${VERSION_STATUSES.join(', ')}, got ${JSON.stringify(status)}`);
      }
      return db.transaction().execute(async (trx) => {
        const row = await requireVersion(trx, tenant, name, version);
        if (row.status === status) return toVersion(row, dataDir);
        requireTransition(`${name}@${version}`, row.status, status);
        if (!isServable(status))
          await (status === 'revoked' ? dropCanaries(trx, row, by) : requireUnused(trx, row, status));
        // Dropping a canary may have moved it already.
        const current = await requireVersion(trx, tenant, name, version);
        return toVersion(await moveVersion(trx, { clock, audit }, current, status, by), dataDir);
      });
    },

    async listVersionEvents(tenant, name, version) {
      await requireVersion(db, tenant, name, version);
      const rows = await db
        .selectFrom('versionEvents')
        .selectAll()
        .where('tenant', '=', tenant)
        .where('name', '=', name)
        .where('version', '=', version)
        .orderBy('seq', 'desc')
        .execute();
      return rows.map(({ seq, fromStatus: from, toStatus: to, actor, reason, createdAt }) => {
        return { seq, from, to, actor, reason, createdAt };
      });
    },
  };
}

/** @throws AppError `version_in_use` */
async function requireUnused(trx: Database, { tenant, name, version }: AdapterRow, to: string): Promise<void> {
  const rows = await servedBy(trx, tenant, name, version);
  if (rows.length === 0) return;
  const uses = rows.map((row) => {
    if (row.stableVersion === version) return `stable of ${row.name}`;
    return `${row.canaryVersion === version ? 'canary' : 'in an experiment'} of ${row.name}`;
  });
  throw new AppError('version_in_use', { version: `${name}@${version}`, what: uses.join(', '), to });
}
