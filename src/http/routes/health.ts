import { Type } from 'typebox';
import type { App } from '../app.js';
import type { Checks } from '../checks.js';
import type { Lifecycle } from '../plugins/lifecycle.js';

const check = { ready: Type.Boolean(), reason: Type.Union([Type.String(), Type.Null()]) };
const Check = Type.Object(check);
const Readiness = Type.Object(
  {
    status: Type.Enum(['ready', 'degraded', 'not_ready', 'draining'], {
      description: 'While it is `degraded` questions are answered, but something else waits for its cause to go away.',
    }),
    checks: Type.Object({
      engine: Type.Object({
        ...check,
        engines: Type.Record(Type.String(), Check, {
          description: 'Each by its name: one that is ready is enough to be sent requests.',
        }),
      }),
      tokenizer: Check,
      retrieval: Check,
      documents: Type.Object({
        ...check,
        waiting: Type.Integer({ description: 'Files that wait to be read, or are being read.' }),
      }),
      storage: Check,
    }),
  },
  { description: 'Whether requests should be sent here, and which part is not ready.' },
);

export function addHealth(
  app: App,
  { look, starting }: { look: () => Promise<Checks>; starting: () => string | null },
  lifecycle: Lifecycle,
): void {
  app.get(
    '/livez',
    {
      schema: {
        summary: 'Whether the process answers',
        operationId: 'livez',
        tags: ['operations'],
        security: [],
        response: { 200: Type.Object({ status: Type.Literal('ok') }, { description: 'It does.' }) },
      },
    },
    async () => ({ status: 'ok' as const }),
  );

  app.get(
    '/readyz',
    {
      schema: {
        summary: 'Whether requests should be sent here',
        operationId: 'readyz',
        tags: ['operations'],
        security: [],
        response: { 200: Readiness, 503: Readiness },
      },
    },
    async (_request, reply) => {
      const checks = await look();
      const { engine, tokenizer, retrieval } = checks;
      const answers = Object.values(engine.engines).some(({ ready }) => ready);
      const serves = answers && tokenizer.ready && retrieval.ready && starting() === null;
      const isWhole = engine.ready && checks.documents.ready && checks.storage.ready;
      const state = serves ? (isWhole ? 'ready' : 'degraded') : 'not_ready';
      return reply.code(serves && !lifecycle.draining() ? 200 : 503).send({
        status: lifecycle.draining() ? 'draining' : state,
        checks,
      });
    },
  );
}
