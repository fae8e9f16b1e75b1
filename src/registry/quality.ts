import { sql } from 'kysely';
import type { QualityGroup, Registry } from '../contracts/registry.js';
import { AppError } from '../errors/app-error.js';
import type { TableParts } from './table-parts.js';
import type { Database } from './tables/tables.js';
import { requireTenant } from './tenants.js';

type QualityTables = Pick<Registry, 'qualityReport' | 'baselineTime' | 'getBaseline' | 'putBaseline' | 'resetBaseline'>;

const DAY_MS = 24 * 3600 * 1000;
const WORST_DOCUMENTS = 10;
const VERSION = sql<string>`coalesce(answers.adapter, 'none')`;
const DAY = sql<string>`date(answers.created_at / ${sql.lit(DAY_MS)} * 86400, 'unixepoch')`;
/** Of a group of answers. */
const MEASURES = [
  sql<number>`count(*)`.as('answers'),
  sql<number | null>`avg(groundedness)`.as('groundedness'),
  sql<number | null>`avg(citation_validity)`.as('citationValidity'),
  sql<number | null>`avg(refused)`.as('refusals'),
  sql<number | null>`avg(truncated)`.as('truncations'),
  sql<number | null>`avg(words)`.as('words'),
  sql<number | null>`avg(first_token_ms)`.as('firstTokenMs'),
  sql<number>`sum(exists (select 1 from feedback f where f.answer_id = answers.id and f.rating = 'down'))`.as(
    'thumbsDown',
  ),
] as const;

/** What each version's answers were worth, and what they are compared with. */
export function createQualityTables({ db, clock, audit, cache }: TableParts): QualityTables {
  return {
    async qualityReport(tenant, deployment, sinceMs) {
      await requireTenant(db, tenant);
      const judged = db
        .selectFrom('answers')
        .leftJoin('answerSignals', 'answerSignals.answerId', 'answers.id')
        .where('answers.tenant', '=', tenant)
        .where('answers.deployment', '=', deployment)
        .where('answers.createdAt', '>=', sinceMs)
        .where('answers.outcome', '=', 'completed')
        .where('answers.assignedBy', '<>', 'shadow');
      const groups = (name: ReturnType<typeof sql<string>>): Promise<QualityGroup[]> =>
        judged
          .groupBy(name)
          .orderBy(name)
          .select([name.as('name'), ...MEASURES])
          .execute();
      /** An answer counts once for each document that it was given passages of. */
      const given = sql<{ givenTo: string; fileId: string }>`(
        select distinct answers.id as given_to, json_extract(passage.value, '$.fileId') as file_id
        from answers, json_each(passages) passage
        where tenant = ${tenant} and deployment = ${deployment} and created_at >= ${sinceMs}
      )`;
      const documents = judged
        .innerJoin(given.as('given'), 'given.givenTo', 'answers.id')
        .where('groundedness', 'is not', null)
        .groupBy('given.fileId')
        .select(['given.fileId as name', ...MEASURES])
        .orderBy('groundedness')
        .limit(WORST_DOCUMENTS);
      const topics = await groups(sql`coalesce(answer_signals.cluster, 'none')`);
      return {
        versions: await groups(VERSION),
        days: await groups(DAY),
        trends: await judged
          .groupBy([VERSION, DAY])
          .orderBy(VERSION)
          .orderBy(DAY)
          .select([VERSION.as('version'), DAY.as('name'), ...MEASURES])
          .execute(),
        worstTopics: topics
          .filter(({ name, groundedness }) => name !== 'none' && groundedness !== null)
          .sort((a, b) => a.groundedness! - b.groundedness!),
        worstDocuments: await documents.execute(),
      };
    },

    async baselineTime(tenant, deployment) {
      const { createdAt } = await cache.get(`baseline ${tenant} ${deployment}`, async () => {
        const row = await find(db, tenant, deployment).select('createdAt').executeTakeFirst();
        return row ?? { createdAt: null };
      });
      return createdAt;
    },

    async getBaseline(tenant, deployment) {
      const row = await find(db, tenant, deployment).select(['baseline as text', 'createdAt']).executeTakeFirst();
      return row ?? null;
    },

    putBaseline: (tenant, deployment, baseline) =>
      db.transaction().execute(async (trx) => {
        const row = { baseline, createdAt: clock.now() };
        // Nobody's decision, so the audit log has no line of it.
        cache.changed();
        await trx
          .insertInto('driftBaselines')
          .values({ tenant, deployment, ...row })
          .onConflict((conflict) => conflict.columns(['tenant', 'deployment']).doUpdateSet(row))
          .execute();
        return row.createdAt;
      }),

    resetBaseline: (tenant, deployment) =>
      db.transaction().execute(async (trx) => {
        const before = await find(trx, tenant, deployment).select('createdAt').executeTakeFirst();
        if (before === undefined)
          throw new AppError('not_found', { what: 'Baseline of the deployment', id: deployment });
        await trx
          .deleteFrom('driftBaselines')
          .where('tenant', '=', tenant)
          .where('deployment', '=', deployment)
          .execute();
        await audit(trx, { tenant, action: 'baseline.reset', subject: deployment, before, after: null });
      }),
  };
}

function find(db: Database, tenant: string, deployment: string) {
  return db.selectFrom('driftBaselines').where('tenant', '=', tenant).where('deployment', '=', deployment);
}
