import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { App, Services } from '../app.js';
import { requireScope } from '../plugins/auth.js';
import { errorResponses } from '../plugins/docs.js';

export function addMetrics(app: App, { metrics, registry }: Services): void {
  app.get(
    '/metrics',
    {
      schema: {
        summary: "Metrics in Prometheus' text format; from other machines only with a key that has the scope `admin`",
        operationId: 'metrics',
        tags: ['operations'],
        security: [{}, { key: [] }],
        response: {
          200: { description: 'The metrics.', content: { 'text/plain': { schema: Type.String() } } },
          ...errorResponses,
        },
      },
    },
    async (request, reply) => {
      // They name every tenant, so that not everyone who reaches the port may read them.
      if (!isLocal(request)) await requireScope(request, registry, 'admin');
      return reply.type(metrics.contentType).send(await metrics.render());
    },
  );
}

/** From this machine, and not through a proxy on it. */
function isLocal({ ip, headers }: FastifyRequest): boolean {
  const loopback = ip === '::1' || /^(::ffff:)?127\./.test(ip);
  return loopback && headers['x-forwarded-for'] === undefined && headers.forwarded === undefined;
}
