import { Type } from 'typebox';
import type { UsageSums } from '../../../contracts/quota.js';
import { TENANT_LIMITS, USAGE_DIMENSIONS } from '../../../contracts/registry-limits.js';
import { errorResponses } from '../../../errors/responses.js';
import { groupBy, toDimensions, usageFilters } from '../../../quota/usage-query.js';
import type { App, Services } from '../../app.js';

const DIMENSIONS = USAGE_DIMENSIONS.filter((dimension) => dimension !== 'tenant');

const Query = Type.Object({ ...usageFilters, group_by: groupBy(DIMENSIONS, '') }, { additionalProperties: false });
const sums = {
  answers: Type.Integer({ description: 'Asked for: those that failed or were aborted too.' }),
  prompt_tokens: Type.Integer(),
  cached_tokens: Type.Integer({ description: 'Of the prompts, found in the prefix cache.' }),
  completion_tokens: Type.Integer(),
  total_tokens: Type.Integer({ description: 'Of prompts and answers.' }),
};
const Report = Type.Object(
  {
    object: Type.Literal('usage'),
    data: Type.Array(
      Type.Object({
        ...Object.fromEntries(DIMENSIONS.map((dimension) => [dimension, Type.Optional(Type.String())])),
        ...sums,
      }),
    ),
    total: Type.Object(sums),
    stored: Type.Object({ bytes: Type.Integer(), passages: Type.Integer() }, { description: 'Now.' }),
    limits: Type.Object(
      Object.fromEntries(
        TENANT_LIMITS.map((name) => [wireName(name), Type.Union([Type.Integer(), Type.Null()])] as const),
      ),
      { description: 'Of all keys of the tenant together; null: not limited.' },
    ),
  },
  { description: 'What the tenant of the key used and keeps, and what it may.' },
);

/** What a tenant used: the sums that an operator sees at `/admin/usage`, of its own alone. */
export function addUsage(app: App, { registry, retrieval }: Services): void {
  app.get(
    '/v1/usage',
    {
      config: { scope: null },
      schema: {
        summary: 'Sum up what the tenant of this key used, keeps and may use',
        description:
          'Extension. Of all answers that were recorded until now, to the last token. A key that is bound to groups sees its own use alone.',
        operationId: 'getOwnUsage',
        tags: ['operations'],
        querystring: Query,
        response: { 200: Report, ...errorResponses },
      },
    },
    async ({ principal, query }) => {
      const { tenant, keyId } = principal;
      const { group_by: by = '', key = null, deployment = null, version = null, from = null, to = null } = query;
      const own = principal.groups === null ? key : keyId;
      const dimensions = toDimensions(by, DIMENSIONS);
      const [report, limits, stored] = await Promise.all([
        registry.usage({ tenant, key: own, deployment, version, from, to, groupBy: dimensions }),
        registry.limitsOf(principal),
        retrieval.stored(tenant),
      ]);
      return {
        object: 'usage' as const,
        data: report.rows.map((row) => {
          const of = Object.fromEntries(dimensions.map((dimension) => [dimension, row[dimension]]));
          return { ...of, ...toWire(row) };
        }),
        total: toWire(report.total),
        stored,
        limits: Object.fromEntries(TENANT_LIMITS.map((name) => [wireName(name), limits.tenant[name]])),
      };
    },
  );
}

function toWire({ answers, promptTokens, cachedTokens, completionTokens }: UsageSums) {
  return {
    answers,
    prompt_tokens: promptTokens,
    cached_tokens: cachedTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  };
}

/** `tokensPerMinute` as `tokens_per_minute`. */
function wireName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
