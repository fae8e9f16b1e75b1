import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { errorResponses } from '../../errors/responses.js';
import { OPEN_METRICS_TYPE } from '../../metrics/open-metrics.js';
import type { App, Services } from '../app.js';
import { requireScope } from '../plugins/auth.js';

export function addMetrics(app: App, { config, metrics, registry }: Services): void {
  app.get(
    '/metrics',
    {
      schema: {
        summary:
          "Metrics in Prometheus' text format; with a key that has the scope `metrics` or `admin`; in demo mode without one on this machine",
        operationId: 'metrics',
        tags: ['operations'],
        security: [{}, { key: [] }],
        response: {
          200: {
            description: 'The metrics; in OpenMetrics with exemplars of what was traced, where that is asked for.',
            content: {
              'text/plain': { schema: Type.String() },
              'application/openmetrics-text': { schema: Type.String() },
            },
          },
          ...errorResponses,
        },
      },
    },
    async (request, reply) => {
      // They name every tenant, so that not everyone who reaches the port may read them.
      const mayBeKeyless = config.demo || config.metrics.localWithoutKey;
      if (!(mayBeKeyless && isLocal(request))) await requireScope(request, registry, 'metrics', 'admin');
      if (!request.headers.accept?.includes('application/openmetrics-text'))
        return reply.type(metrics.contentType).send(await metrics.render());
      return reply.type(OPEN_METRICS_TYPE).send(await metrics.renderOpenMetrics());
    },
  );
}

/** From this machine, and not through a proxy that says so; one that does not looks the same. */
function isLocal({ ip, headers }: FastifyRequest): boolean {
  const isForwarded = Object.keys(headers).some((name) => /^(?:x-forwarded-|x-real-ip$|forwarded$|via$)/.test(name));
  return (ip === '::1' || /^(::ffff:)?127\./.test(ip)) && !isForwarded;
}
