import { sql } from 'kysely';
import type { Clock } from '../contracts/clock.js';
import type { QualityGroup, Registry } from '../contracts/registry.js';
import type { Database } from './database.js';
import { requireTenant } from './tenants.js';

type QualityTables = Pick<Registry, 'qualityReport' | 'getBaseline' | 'putBaseline'>;

const DAY_MS = 24 * 3600 * 1000;

/** What each version's answers were worth, and what they are compared with. */
export function createQualityTables({ db, clock }: { db: Database; clock: Clock }): QualityTables {
  return {
    async qualityReport(tenant, deployment, sinceMs) {
      await requireTenant(db, tenant);
      const groups = async (name: ReturnType<typeof sql<string | null>>): Promise<QualityGroup[]> => {
        const rows = await db
          .selectFrom('answers')
          .leftJoin('answerSignals', 'answerSignals.answerId', 'answers.id')
          .where('tenant', '=', tenant)
          .where('deployment', '=', deployment)
          .where('answers.createdAt', '>=', sinceMs)
          .where('outcome', '=', 'completed')
          .groupBy(name)
          .orderBy(name)
          .select(({ fn }) => [
            name.as('name'),
            fn.countAll<number>().as('answers'),
            fn.avg<number | null>('groundedness').as('groundedness'),
            fn.avg<number | null>('citationValidity').as('citationValidity'),
            fn.avg<number | null>('refused').as('refusals'),
            fn.avg<number | null>('truncated').as('truncations'),
            fn.avg<number | null>('words').as('words'),
            fn.avg<number | null>('firstTokenMs').as('firstTokenMs'),
            sql<number>`sum(exists (select 1 from feedback f where f.answer_id = answers.id and f.rating = 'down'))`.as(
              'thumbsDown',
            ),
          ])
          .execute();
        return rows.map((row) => ({ ...row, name: row.name ?? 'none' }));
      };
      const topics = await groups(sql<string | null>`answer_signals.cluster`);
      return {
        versions: await groups(sql`answers.adapter`),
        days: await groups(sql`date(answers.created_at / ${DAY_MS} * 86400, 'unixepoch')`),
        worstTopics: topics
          .filter(({ name, groundedness }) => name !== 'none' && groundedness !== null)
          .sort((a, b) => a.groundedness! - b.groundedness!),
      };
    },

    async getBaseline(tenant, deployment) {
      const row = await db
        .selectFrom('driftBaselines')
        .select('baseline')
        .where('tenant', '=', tenant)
        .where('deployment', '=', deployment)
        .executeTakeFirst();
      return row?.baseline ?? null;
    },

    async putBaseline(tenant, deployment, baseline) {
      const row = { baseline, createdAt: clock.now() };
      await db
        .insertInto('driftBaselines')
        .values({ tenant, deployment, ...row })
        .onConflict((conflict) => conflict.columns(['tenant', 'deployment']).doUpdateSet(row))
        .execute();
    },
  };
}
