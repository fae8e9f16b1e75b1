import { Type } from 'typebox';
import { USAGE_DIMENSIONS } from '../contracts/registry-limits.js';
import { AppError } from '../errors/app-error.js';
import { errorResponses } from '../errors/responses.js';
import type { AdminPlugin } from './plugin.js';
import { toCsv, toUsage } from './usage-report.js';

const Day = (description: string) =>
  Type.String({ pattern: '^\\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])$', description });
const Query = Type.Object(
  {
    tenant: Type.Optional(Type.String({ description: 'Of this tenant alone; so do the next three.' })),
    key: Type.Optional(Type.String({ description: 'Id of a key.' })),
    deployment: Type.Optional(Type.String()),
    version: Type.Optional(Type.String({ description: 'An adapter as `support@2`, or `base`.' })),
    from: Type.Optional(Day('The first day (UTC), as 2026-11-01.')),
    to: Type.Optional(Day('The last day (UTC).')),
    group_by: Type.Optional(
      Type.String({
        default: 'tenant',
        description: `What the sums are told apart by, with commas between: ${USAGE_DIMENSIONS.join(', ')}; empty: nothing.`,
      }),
    ),
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
      const groupBy = toDimensions(by);
      const report = await registry.usage({ tenant, key, deployment, version, from, to, groupBy });
      if (format === 'json') return toUsage(report);
      return reply.type('text/csv; charset=utf-8').send(toCsv(report, groupBy));
    },
  );
};

function toDimensions(text: string) {
  const names = text === '' ? [] : text.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !(USAGE_DIMENSIONS as readonly string[]).includes(name));
  if (unknown === undefined) return USAGE_DIMENSIONS.filter((dimension) => names.includes(dimension));
  const reason = `must be some of ${USAGE_DIMENSIONS.join(', ')}, with commas between, got "${unknown.slice(0, 80)}"`;
  throw new AppError('invalid_value', { param: 'group_by', reason });
}
