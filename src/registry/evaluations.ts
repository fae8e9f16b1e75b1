import type { Clock } from '../contracts/clock.js';
import type { Registry } from '../contracts/registry.js';
import { MAX_EVALUATIONS } from '../contracts/registry-limits.js';
import type { EvaluationReport } from '../contracts/versions.js';
import { requireVersion } from './adapter-rows.js';
import type { Audited } from './database.js';
import { OPERATOR } from './revision.js';
import type { Database } from './tables/tables.js';
import { validEvaluation } from './valid-lineage.js';
import { invalid } from './validate.js';

type Evaluations = Pick<Registry, 'addEvaluation' | 'listEvaluations'>;

/** What was measured of versions. */
export function createEvaluations({ db, clock, audit }: { db: Database; clock: Clock; audit: Audited }): Evaluations {
  return {
    listEvaluations: (tenant, name, version) => listEvaluations(db, tenant, name, version),

    async addEvaluation(tenant, name, version, report, { actor } = OPERATOR) {
      const valid = validEvaluation(report);
      return db.transaction().execute(async (trx) => {
        await requireVersion(trx, tenant, name, version);
        await requireRoomForReport(trx, tenant, name, version);
        return addReport(trx, audit, { tenant, name, version }, { ...valid, actor, createdAt: clock.now() });
      });
    },
  };
}

/** @throws AppError `invalid_value` */
export async function requireRoomForReport(db: Database, tenant: string, name: string, version: number): Promise<void> {
  const last = await lastOf(db, tenant, name, version);
  if (last >= MAX_EVALUATIONS) throw invalid('version', `has ${last} evaluations, which is the most`);
}

/** Behind those that there are. */
export async function addReport(
  trx: Database,
  audit: Audited,
  { tenant, name, version }: { readonly tenant: string; readonly name: string; readonly version: number },
  { actor, createdAt, ...report }: Omit<EvaluationReport, 'seq'>,
): Promise<EvaluationReport> {
  const seq = (await lastOf(trx, tenant, name, version)) + 1;
  const added: EvaluationReport = { ...report, seq, actor, createdAt };
  await trx
    .insertInto('evaluations')
    .values({ tenant, name, version, seq, report: JSON.stringify(report), actor, createdAt })
    .execute();
  const subject = `${name}@${version}`;
  await audit(trx, { tenant, action: 'adapter.evaluated', subject, before: null, after: added });
  return added;
}

/** Number of the newest, which is how many there are: none is ever removed alone. The key's index answers. */
async function lastOf(db: Database, tenant: string, name: string, version: number): Promise<number> {
  const { last } = await db
    .selectFrom('evaluations')
    .select((eb) => eb.fn.max<number | null>('seq').as('last'))
    .where('tenant', '=', tenant)
    .where('name', '=', name)
    .where('version', '=', version)
    .executeTakeFirstOrThrow();
  return last ?? 0;
}

/** In their order. @throws AppError `not_found` */
export async function listEvaluations(
  from: Database,
  tenant: string,
  name: string,
  version: number,
): Promise<EvaluationReport[]> {
  await requireVersion(from, tenant, name, version);
  const rows = await from
    .selectFrom('evaluations')
    .selectAll()
    .where('tenant', '=', tenant)
    .where('name', '=', name)
    .where('version', '=', version)
    .orderBy('seq')
    .execute();
  return rows.map(({ seq, report, actor, createdAt }) => ({ ...JSON.parse(report), seq, actor, createdAt }));
}
