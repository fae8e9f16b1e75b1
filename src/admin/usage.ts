import { Type } from 'typebox';
import { USAGE_DIMENSIONS } from '../contracts/registry-limits.js';
import { errorResponses } from '../errors/responses.js';
import { groupBy, toDimensions, usageFilters } from '../quota/usage-query.js';
import { toCsv, toUsage } from '../quota/usage-report.js';
import type { AdminPlugin } from './plugin.js';

const Query = Type.Object(
  {
    tenant: Type.Optional(Type.String({ description: 'Of this tenant alone; so do the next three.' })),
    ...usageFilters,
    group_by: groupBy(USAGE_DIMENSIONS, 'tenant'),
    format: Type.Optional(Type.Enum(['json', 'csv'], { default: 'json' })),
  },
  { additionalProperties: false },
);
const sums = {
  answers: Type.Integer({ description: 'Asked for: those that failed or were aborted too.' }),
  promptTokens: Type.Integer(),
  cachedTokens: Type.Integer({ description: 'Of the prompts, found in the prefix cache.' }),
  completionTokens: Type.Integer(),
  totalTokens: Type.Integer({ description: 'Of prompts and answers.' }),
};
const Report = Type.Object({
  data: Type.Array(
    Type.Object({
      ...Object.fromEntries(USAGE_DIMENSIONS.map((dimension) => [dimension, Type.Optional(Type.String())])),
      ...sums,
    }),
  ),
  total: Type.Object(sums),
});

export const usageRoutes: AdminPlugin = async (app, { registry }) => {
  app.get(
    '/usage',
    {
      config: { scope: 'admin' },
      schema: {
        tags: ['admin'],
        operationId: 'getUsage',
        summary: 'Sum up what was used',
        description:
          'Of all answers that were recorded until now, to the last token: sums are written with the records, and kept when those are deleted.',
        querystring: Query,
        response: {
          200: {
            description: 'The sums, in the order of what they are told apart by.',
            content: { 'application/json': { schema: Report }, 'text/csv': { schema: Type.String() } },
          },
          ...errorResponses,
        },
      },
    },
    async ({ query }, reply) => {
      const { group_by: by = 'tenant', format = 'json', ...filter } = query;
      const { tenant = null, key = null, deployment = null, version = null, from = null, to = null } = filter;
      const dimensions = toDimensions(by, USAGE_DIMENSIONS);
      const report = await registry.usage({ tenant, key, deployment, version, from, to, groupBy: dimensions });
      if (format === 'json') return toUsage(report);
      return reply.type('text/csv; charset=utf-8').send(toCsv(report, dimensions));
    },
  );
};
