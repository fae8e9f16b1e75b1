import type { Clock } from '../contracts/clock.js';
import type { ChangedBy } from '../contracts/rollouts.js';
import type { VersionStatus } from '../contracts/versions.js';
import { toVersionInfo } from './adapter-rows.js';
import type { Audited } from './database.js';
import type { Database } from './tables/tables.js';
import type { AdapterRow } from './tables/versions.js';

interface Change {
  readonly from: VersionStatus | null;
  readonly to: VersionStatus;
  readonly by: ChangedBy;
  readonly at: number;
}

/** Moves a version to another status, with its event and its line in the audit log. */
export async function moveVersion(
  trx: Database,
  { clock, audit }: { clock: Clock; audit: Audited },
  row: AdapterRow,
  to: VersionStatus,
  by: ChangedBy,
): Promise<AdapterRow> {
  const moved = { ...row, status: to };
  const { tenant, name, version } = row;
  await trx
    .updateTable('adapters')
    .set({ status: to })
    .where('tenant', '=', tenant)
    .where('name', '=', name)
    .where('version', '=', version)
    .execute();
  await appendVersionEvent(trx, row, { from: row.status, to, by, at: clock.now() });
  const [before, after] = [toVersionInfo(row), toVersionInfo(moved)];
  await audit(trx, { tenant, action: `adapter.${to}`, subject: `${name}@${version}`, before, after });
  return moved;
}

export async function appendVersionEvent(
  trx: Database,
  { tenant, name, version }: Pick<AdapterRow, 'tenant' | 'name' | 'version'>,
  { from, to, by, at }: Change,
): Promise<void> {
  const last = await trx
    .selectFrom('versionEvents')
    .select('seq')
    .where('tenant', '=', tenant)
    .where('name', '=', name)
    .where('version', '=', version)
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst();
  const event = {
    seq: (last?.seq ?? 0) + 1,
    fromStatus: from,
    toStatus: to,
    actor: by.actor,
    reason: by.reason ?? null,
  };
  await trx
    .insertInto('versionEvents')
    .values({ tenant, name, version, ...event, createdAt: at })
    .execute();
}
