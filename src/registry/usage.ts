/** What was used, summed by the day: written with the records of answers, so that the two never differ, and kept longer. */
import { sql } from 'kysely';
import type { PastUse, UsageDimension, UsageQuery, UsageRow, UsageSums } from '../contracts/quota.js';
import type { AnswerRecord, Registry } from '../contracts/registry.js';
import { USAGE_DIMENSIONS } from '../contracts/registry-limits.js';
import type { Database } from './tables/tables.js';
import type { UsageTable } from './tables/tenants.js';

type Usage = Pick<Registry, 'usage' | 'pastUse'>;
type Metered = Pick<
  AnswerRecord,
  'tenant' | 'keyId' | 'deployment' | 'adapter' | 'createdAt' | 'promptTokens' | 'cachedTokens' | 'completionTokens'
>;

/** Where no adapter answered. */
const BASE = 'base';

/** What an answer used, to be added in the transaction that keeps its record. */
export function usageOf(answer: Metered): UsageTable {
  const { tenant, keyId: key, deployment, promptTokens, cachedTokens, completionTokens } = answer;
  const subject = { tenant, key, deployment, version: answer.adapter ?? BASE, day: dayOf(answer.createdAt) };
  return { ...subject, answers: 1, promptTokens, cachedTokens: cachedTokens ?? 0, completionTokens };
}

/** The same, with one row for what was used by the same key, deployment and version on the same day. */
export function sumUsage(rows: Iterable<Readonly<UsageTable>>): UsageTable[] {
  const sums = new Map<string, UsageTable>();
  for (const row of rows) {
    const id = JSON.stringify([row.tenant, row.key, row.deployment, row.version, row.day]);
    const sum = sums.get(id);
    if (sum === undefined) {
      sums.set(id, { ...row });
      continue;
    }
    sum.answers += row.answers;
    sum.promptTokens += row.promptTokens;
    sum.cachedTokens += row.cachedTokens;
    sum.completionTokens += row.completionTokens;
  }
  return [...sums.values()];
}

/** @param flush resolves when all that was recorded so far is in the table */
export function createUsage({ db, flush }: { db: Database; flush: () => Promise<void> }): Usage {
  return {
    async usage(query) {
      await flush();
      const groupBy = USAGE_DIMENSIONS.filter((dimension) => query.groupBy.includes(dimension));
      const [rows, total] = await Promise.all([
        groupBy.length === 0
          ? []
          : selectUsage(db, query)
              .select(groupBy)
              .groupBy(groupBy)
              .orderBy(sql.join(groupBy.map(sql.ref)))
              .execute(),
        selectUsage(db, query).executeTakeFirstOrThrow(),
      ]);
      const toRow = (row: (typeof rows)[number]): UsageRow => {
        const dimensions = groupBy.map((dimension) => [dimension, (row as Partial<UsageTable>)[dimension]]);
        return { ...Object.fromEntries(dimensions), ...sumsOf(row) };
      };
      return { rows: rows.map(toRow), total: sumsOf(total) };
    },

    async pastUse({ tenant, keyId }, { sinceMs, month }): Promise<PastUse> {
      await flush();
      let recent = db
        .selectFrom('answers')
        .select((eb) => [
          eb.fn.countAll<number>().as('answers'),
          sql<number | null>`sum(prompt_tokens + completion_tokens)`.as('tokens'),
        ])
        .where('tenant', '=', tenant)
        .where('assignedBy', '<>', 'shadow')
        .where('createdAt', '>=', sinceMs);
      if (keyId !== null) recent = recent.where('keyId', '=', keyId);
      const days = { from: `${month}-01`, to: `${month}-31` };
      const query = { tenant, key: keyId, deployment: null, version: null, ...days, groupBy: [] };
      const [{ answers, tokens }, sums] = await Promise.all([
        recent.executeTakeFirstOrThrow(),
        selectUsage(db, query).executeTakeFirstOrThrow(),
      ]);
      const { promptTokens, completionTokens } = sumsOf(sums);
      return { answers, tokens: tokens ?? 0, monthTokens: promptTokens + completionTokens };
    },
  };
}

function selectUsage(db: Database, { tenant, key, deployment, version, from, to }: UsageQuery) {
  let query = db
    .selectFrom('usage')
    .select((eb) => [
      eb.fn.sum<number | null>('answers').as('answers'),
      eb.fn.sum<number | null>('promptTokens').as('promptTokens'),
      eb.fn.sum<number | null>('cachedTokens').as('cachedTokens'),
      eb.fn.sum<number | null>('completionTokens').as('completionTokens'),
    ]);
  for (const [column, value] of Object.entries({ tenant, key, deployment, version })) {
    if (value !== null) query = query.where(column as UsageDimension, '=', value);
  }
  if (from !== null) query = query.where('day', '>=', from);
  if (to !== null) query = query.where('day', '<=', to);
  return query;
}

/** Of no rows SQL's sums are null. */
function sumsOf(row: { readonly [S in keyof UsageSums]: number | null }): UsageSums {
  const { answers, promptTokens, cachedTokens, completionTokens } = row;
  return {
    answers: answers ?? 0,
    promptTokens: promptTokens ?? 0,
    cachedTokens: cachedTokens ?? 0,
    completionTokens: completionTokens ?? 0,
  };
}

/** 2026-11-27, UTC. */
function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
