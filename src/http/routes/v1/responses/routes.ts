/** `/v1/responses`: OpenAI's Responses API over the same pipeline. */
import { randomUUID } from 'node:crypto';
import { Type } from 'typebox';
import { AppError } from '../../../../errors/app-error.js';
import { errorResponses } from '../../../../errors/responses.js';
import type { App, Services } from '../../../app.js';
import { noteAnswer } from '../../../plugins/log-fields.js';
import { answerResponses } from '../answers.js';
import { nameIgnored } from '../ignored.js';
import { deleted, PageQuery, toList, toPageRequest } from '../pagination.js';
import { RoutingHeaders, writeRoute } from '../routing.js';
import { streamAnswer } from '../stream.js';
import { createBackground, type Task } from './background.js';
import { addCompaction } from './compact.js';
import { addConversations } from './conversations.js';
import type { Item } from './items.js';
import { callerOf, checkBody, ignoredOf, toChatRequest } from './request.js';
import { createBuilder, toResource } from './resource.js';
import { InputItems, ResponseBody, ResponseResource } from './schema.js';
import { addResponseSocket } from './socket.js';
import { inputOf, isKept, keep, messagesOf, ownerOf, saidBefore } from './store.js';
import { turnMemory } from './turn-memory.js';

const ResponseId = Type.Object({ response_id: Type.String() });
const tags = ['responses'];
const config = { scope: 'inference' } as const;
const response = { 200: ResponseResource, ...errorResponses };

export function addResponses(app: App, services: Services): void {
  const { registry, pipeline, clock } = services;
  const pingMs = services.config.server.keepAlivePingMs;
  const background = createBackground(app, services);
  addResponseSocket(app, services);
  addCompaction(app, services);
  addConversations(app, services);

  app.post(
    '/v1/responses',
    {
      config,
      schema: {
        summary: 'Answer, and keep what was said so that a later response can go on from it',
        operationId: 'createResponse',
        tags,
        headers: RoutingHeaders,
        body: ResponseBody,
        response: answerResponses('The response', ResponseResource, 'its events and `[DONE]`'),
      },
    },
    async (request, reply) => {
      const { body, principal } = request;
      checkBody(body);
      nameIgnored(reply, ignoredOf(body));
      const owner = ownerOf(principal);
      const isStored = await isKept(registry, owner, body);
      const input = await inputOf(registry, owner, body.input);
      const memory = turnMemory();
      const before = await saidBefore(registry, owner, body);
      const said = [...before, ...messagesOf(registry, owner, input, 'input')];
      const id = `resp_${randomUUID().replaceAll('-', '')}`;
      const start = { id, body, store: isStored, createdAtMs: clock.now() };
      const caller = callerOf(request);
      const chat = toChatRequest(caller, body, id, said);
      if (body.background) {
        await pipeline.checkModel(principal, body.model);
        const resource = toResource(start, 'queued');
        const task: Task = { body, caller };
        await keep(registry, clock, { owner, body, isStored, input, resource, task });
        background.wake();
        return resource;
      }

      const builder = createBuilder(start, clock.now);
      const encode = async (event: Parameters<typeof builder.encode>[0]) => {
        const frames = builder.encode(event);
        if (event.type !== 'finished') return frames;
        const resource = builder.resource();
        await keep(registry, clock, { owner, body, isStored, input, resource, task: null });
        if (memory !== undefined) {
          memory.remember({
            id,
            owner,
            messages: [...said, ...messagesOf(registry, owner, resource.output, 'output')],
          });
        }
        return frames;
      };
      const events = pipeline.chat(chat, request.hangUp);
      if (body.stream) {
        const framing = { encode, failed: builder.failed, last: [{ data: '[DONE]' as const }] };
        await streamAnswer(request, reply, events, framing, pingMs);
        return reply;
      }
      for await (const event of events) {
        noteAnswer(request.logged, event);
        if (event.type === 'routed') writeRoute(reply, event.route);
        await encode(event);
        if (event.type === 'finished') return builder.resource();
      }
      // The client went away.
      return reply.hijack();
    },
  );

  app.get(
    '/v1/responses/:response_id',
    {
      config,
      schema: { summary: 'A response that was kept', operationId: 'getResponse', tags, params: ResponseId, response },
    },
    async ({ principal, params }) => (await registry.getResponse(ownerOf(principal), params.response_id)).body,
  );

  app.delete(
    '/v1/responses/:response_id',
    {
      config,
      schema: {
        summary: 'Delete a response with its texts; none goes on from it any more',
        operationId: 'deleteResponse',
        tags,
        params: ResponseId,
        response: { 200: deleted('response'), ...errorResponses },
      },
    },
    async ({ principal, params: { response_id: id } }) => {
      await registry.deleteResponse(ownerOf(principal), id);
      return { id, object: 'response', deleted: true };
    },
  );

  app.post(
    '/v1/responses/:response_id/cancel',
    {
      config,
      schema: {
        summary: 'Call off a response that is answered in the background; one that is over stays as it is',
        operationId: 'cancelResponse',
        tags,
        params: ResponseId,
        response,
      },
    },
    async ({ principal, params: { response_id: id } }) => {
      const owner = ownerOf(principal);
      const { body } = await registry.getResponse(owner, id);
      if (!(body as { background: boolean }).background) {
        throw new AppError('invalid_value', { param: 'response_id', reason: 'names no response of the background' });
      }
      return (await registry.cancelResponse(owner, id)).body;
    },
  );

  app.get(
    '/v1/responses/:response_id/input_items',
    {
      config,
      schema: {
        summary: 'The input of a response, without what it went on from',
        operationId: 'listInputItems',
        tags,
        params: ResponseId,
        querystring: PageQuery,
        response: { 200: InputItems, ...errorResponses },
      },
    },
    async ({ principal, params, query }) => {
      const { input } = await registry.getResponse(ownerOf(principal), params.response_id);
      return toList(pageOf(input as readonly Item[], toPageRequest(query)), (item) => item);
    },
  );
}

function pageOf(items: readonly Item[], { limit, after, order }: ReturnType<typeof toPageRequest>) {
  const ordered = order === 'asc' ? items : items.toReversed();
  const start = after === null ? 0 : ordered.findIndex(({ id }) => id === after) + 1;
  if (after !== null && start === 0) throw new AppError('not_found', { what: 'Item', id: after });
  return { items: ordered.slice(start, start + limit), hasMore: start + limit < ordered.length };
}
