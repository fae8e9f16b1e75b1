import { Type } from 'typebox';
import type { App, Services } from '../app.js';
import type { Lifecycle } from '../plugins/lifecycle.js';

const Check = Type.Object({ ready: Type.Boolean(), reason: Type.Union([Type.String(), Type.Null()]) });
const Readiness = Type.Object(
  {
    status: Type.Enum(['ready', 'not_ready', 'draining']),
    checks: Type.Object({ engine: Check, tokenizer: Check, retrieval: Check }),
  },
  { description: 'Whether requests should be sent here, and which part is not ready.' },
);

export function addHealth(app: App, { engine, tokenizer, retrieval }: Services, lifecycle: Lifecycle): void {
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
      const checks = {
        engine: pick(engine.status()),
        tokenizer: pick(tokenizer.status()),
        retrieval: pick(retrieval.status()),
      };
      const ready = Object.values(checks).every((check) => check.ready);
      const status = lifecycle.draining() ? 'draining' : ready ? 'ready' : 'not_ready';
      return reply.code(status === 'ready' ? 200 : 503).send({ status, checks });
    },
  );
}

function pick({ ready, reason }: { ready: boolean; reason: string | null }) {
  return { ready, reason };
}
