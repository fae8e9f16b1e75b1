/** `/v1/messages`: Anthropic's API over the same pipeline. */
import { randomUUID } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import type { GrammarSpec } from '../../../../contracts/grammar.js';
import type { ChatRequest } from '../../../../pipeline/types.js';
import type { App, Services } from '../../../app.js';
import { noteAnswer } from '../../../plugins/log-fields.js';
import { answerResponses } from '../answers.js';
import { toOverride } from '../chat-request.js';
import { nameIgnored } from '../ignored.js';
import { checkRefused, toSampling } from '../parameters.js';
import { toReceipt } from '../receipts.js';
import { RoutingHeaders, readOverride, writeRoute } from '../routing.js';
import { streamAnswer } from '../stream.js';
import { createEncoder } from './answer.js';
import { toErrorBody } from './errors.js';
import { toConversation } from './request.js';
import {
  Answer,
  CountBody,
  EFFORT,
  ErrorBody,
  MESSAGES_REFUSED,
  MessagesBody,
  MessagesHeaders,
  MessagesQuery,
} from './schema.js';

const Headers = Type.Object({ ...RoutingHeaders.properties, ...MessagesHeaders });
type Request = FastifyRequest<{ Headers: Static<typeof Headers>; Body: Static<typeof MessagesBody> }>;

const config = { scope: 'inference', keepsNothing: true, toErrorBody } as const;
const errors = { '4xx': ErrorBody, '5xx': ErrorBody };
const tags = ['generation'];

export function addMessages(app: App, { config: { server }, pipeline }: Pick<Services, 'config' | 'pipeline'>): void {
  app.post(
    '/v1/messages',
    {
      config,
      schema: {
        summary: "Answer a chat, in Anthropic's shape",
        operationId: 'createMessage',
        tags,
        headers: Headers,
        querystring: MessagesQuery,
        body: MessagesBody,
        response: { ...answerResponses('The answer', Answer, 'its events'), ...errors },
      },
    },
    async (request, reply) => {
      const { body } = request;
      const { chat, ignored } = toChatRequest(request);
      reply.header('request-id', request.id);
      nameIgnored(reply, ignored);
      const events = pipeline.chat(chat, request.hangUp);
      const { encode, message } = createEncoder();
      if (body.stream) {
        const failed = (error: Parameters<typeof toErrorBody>[0]) => [
          { event: 'error', data: toErrorBody(error, request.id) },
        ];
        await streamAnswer(request, reply, events, { encode, failed, last: [] }, server.keepAlivePingMs);
        return reply;
      }
      for await (const event of events) {
        noteAnswer(request.logged, event);
        if (event.type === 'routed') writeRoute(reply, event.route);
        encode(event);
        if (event.type !== 'finished') continue;
        return { ...message(), ...(body.include_receipt && { receipt: toReceipt(event.record, null) }) };
      }
      // The client went away.
      return reply.hijack();
    },
  );

  app.post(
    '/v1/messages/count_tokens',
    {
      config,
      schema: {
        summary: "Tokens of a chat with the deployment's instructions, without passages",
        operationId: 'countMessageTokens',
        tags,
        headers: Headers,
        querystring: MessagesQuery,
        body: CountBody,
        response: { 200: Type.Object({ input_tokens: Type.Integer() }, { description: 'Their number.' }), ...errors },
      },
    },
    async ({ principal, body, hangUp }) => {
      checkBody(body);
      const { messages, toolUse } = toConversation(body);
      const ids = await pipeline.tokensOf({ principal, model: body.model, messages, toolUse }, hangUp);
      return { input_tokens: ids.length };
    },
  );
}

function checkBody(body: Static<typeof CountBody>): void {
  checkRefused(MESSAGES_REFUSED, body);
  checkRefused(EFFORT, body.output_config ?? {}, 'output_config');
}

function toGrammar({ output_config: config }: Static<typeof CountBody>): GrammarSpec | null {
  if (config?.format === undefined) return null;
  return { kind: 'json_schema', schema: JSON.stringify(config.format.schema), param: 'output_config.format.schema' };
}

function toChatRequest(request: Request): { chat: ChatRequest; ignored: string[] } {
  const { body, headers, principal } = request;
  checkBody(body);
  const { messages, toolUse, ignored } = toConversation(body);
  const chat: ChatRequest = {
    requestId: request.id,
    answerId: `msg_${randomUUID().replaceAll('-', '')}`,
    principal,
    model: body.model,
    override: readOverride(request, headers),
    stickiness: {
      user: body.metadata?.user_id,
      conversationHeader: headers['x-conversation-id'],
      keyId: principal.keyId,
      firstUserMessage: (messages.find(({ role }) => role === 'user') ?? messages[0]!).content,
    },
    messages,
    retrieval: body.retrieval === undefined ? null : toOverride(body.retrieval),
    toolUse,
    priority: 'interactive',
    sampling: toSampling(body),
    maxTokens: body.max_tokens,
    stop: body.stop_sequences ?? [],
    topLogprobs: null,
    grammar: toGrammar(body),
  };
  return { chat, ignored: [...ignored, ...(body.service_tier === undefined ? [] : ['service_tier'])] };
}
