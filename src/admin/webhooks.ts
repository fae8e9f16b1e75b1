import { Type } from 'typebox';
import { ROLLOUT_EVENTS } from '../contracts/registry-limits.js';
import { errorResponses } from '../errors/responses.js';
import { PageQuery, pageOf, toPage } from './paging.js';
import type { AdminPlugin } from './plugin.js';
import { nullable, TenantParams, Time } from './schemas/common.js';

const route = { config: { scope: 'tenant-admin' } } as const;
const WebhookBody = Type.Object(
  {
    url: Type.String({ maxLength: 2048, description: 'Its host is one of `webhooks.allowedHosts`.' }),
    events: Type.Optional(
      Type.Array(Type.Enum([...ROLLOUT_EVENTS]), {
        maxItems: ROLLOUT_EVENTS.length,
        description: 'What it is told of. Left out, or empty: of everything.',
      }),
    ),
  },
  { additionalProperties: false },
);
const webhookFields = {
  id: Type.String(),
  tenant: Type.String(),
  url: Type.String(),
  events: Type.Array(Type.Enum([...ROLLOUT_EVENTS])),
  createdAt: Time,
  previousUntil: nullable(
    Type.Integer({
      description: 'Until when the secret before the last rotation signs, too. Milliseconds since the epoch.',
    }),
  ),
  lastAt: nullable(Type.Integer({ description: 'Of the last attempt to tell it something.' })),
  lastError: nullable(Type.String({ description: 'Why that failed.' })),
};
const WebhookSchema = Type.Object(webhookFields);
const NewWebhookSchema = Type.Object({
  ...webhookFields,
  secret: Type.String({ description: 'Signs what it is told, as Standard Webhooks has it. Shown once.' }),
});
const WebhookParams = Type.Object({ tenant: Type.String(), id: Type.String() });

export const webhookRoutes: AdminPlugin = async (app, { registry }) => {
  app.get(
    '/tenants/:tenant/webhooks',
    {
      ...route,
      schema: {
        tags: ['admin'],
        operationId: 'listWebhooks',
        summary: 'List who is told what is done to rollouts',
        params: TenantParams,
        querystring: PageQuery,
        response: { 200: pageOf(WebhookSchema), ...errorResponses },
      },
    },
    async ({ params, query }) => {
      const webhooks = await registry.listWebhooks(params.tenant);
      return toPage(webhooks.map(toAnswer), ({ id }) => id, query);
    },
  );

  app.post(
    '/tenants/:tenant/webhooks',
    {
      ...route,
      schema: {
        tags: ['admin'],
        operationId: 'addWebhook',
        summary: 'Tell an address what is done to rollouts',
        description:
          'Each change is posted to it as a CloudEvent, signed, again and again until it answers with a status of 2xx.',
        params: TenantParams,
        body: WebhookBody,
        response: { 201: NewWebhookSchema, ...errorResponses },
      },
    },
    async ({ params, body }, reply) => {
      const added = await registry.addWebhook({ ...params, url: body.url, events: body.events ?? [] });
      return reply.code(201).send(toAnswer(added));
    },
  );

  app.post(
    '/tenants/:tenant/webhooks/:id/rotate',
    {
      ...route,
      schema: {
        tags: ['admin'],
        operationId: 'rotateWebhook',
        summary: 'Give a webhook a new secret; the one before signs beside it for a day',
        params: WebhookParams,
        response: { 200: NewWebhookSchema, ...errorResponses },
      },
    },
    async ({ params }) => toAnswer(await registry.rotateWebhook(params.tenant, params.id)),
  );

  app.delete(
    '/tenants/:tenant/webhooks/:id',
    {
      ...route,
      schema: {
        tags: ['admin'],
        operationId: 'removeWebhook',
        summary: 'Tell an address nothing any more',
        params: WebhookParams,
        response: { 200: WebhookSchema, ...errorResponses },
      },
    },
    async ({ params }) => toAnswer(await registry.removeWebhook(params.tenant, params.id)),
  );
};

/** Lists may be changed by who answers with them. */
function toAnswer<T extends { readonly events: readonly string[] }>(webhook: T) {
  return { ...webhook, events: [...webhook.events] as (typeof ROLLOUT_EVENTS)[number][] };
}
