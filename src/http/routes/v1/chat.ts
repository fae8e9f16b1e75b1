import type { FastifyRequest } from 'fastify';
import type { Static } from 'typebox';
import type { GeneratedToken, TokenLogprob } from '../../../contracts/generator.js';
import type { ToolCall } from '../../../contracts/prompt.js';
import { AppError } from '../../../errors/app-error.js';
import type { ChatRequest, Grounding } from '../../../pipeline/types.js';
import type { App, Services } from '../../app.js';
import {
  answerResponses,
  type CollectedAnswer,
  type CollectedChoice,
  choiceOf,
  createDeliver,
  type EncodeChunks,
  lastChunks,
  receiptOf,
  toUsage,
} from './answers.js';
import { ignoredOf, toFunctionUse, toMessages, toRetrieval } from './chat-request.js';
import { CHAT_REFUSED, ChatBody, ChatCompletion } from './chat-schema.js';
import { nameIgnored } from './ignored.js';
import { checkRefused, checkStreamOptions, toPriority, toSampling, toStop } from './parameters.js';
import { RoutingHeaders, readOverride } from './routing.js';
import { toGrammar } from './structured.js';

type Body = Static<typeof ChatBody>;

export function addChat(app: App, services: Services): void {
  const { pipeline } = services;
  const deliver = createDeliver(services);

  app.post(
    '/v1/chat/completions',
    {
      config: { scope: 'inference', keepsNothing: true },
      schema: {
        summary: 'Answer a chat, from the documents of the tenant where the deployment says so',
        operationId: 'createChatCompletion',
        tags: ['generation'],
        headers: RoutingHeaders,
        body: ChatBody,
        response: answerResponses('The answer', ChatCompletion),
      },
    },
    async (request, reply) => {
      const { body } = request;
      const chat = toChatRequest(request, body);
      nameIgnored(reply, ignoredOf(body));
      const events = pipeline.chat(chat, request.hangUp);
      return deliver(request, reply, events, {
        stream: body.stream ?? false,
        encode: toChunks(body),
        toBody: (answer) => ({
          ...toCompletion(answer, chat.topLogprobs !== null),
          ...receiptOf(body, answer.finished),
        }),
      });
    },
  );

  function toChatRequest(request: FastifyRequest<{ Headers: Static<typeof RoutingHeaders> }>, body: Body): ChatRequest {
    checkRefused(CHAT_REFUSED, body);
    checkStreamOptions(body);
    if (body.top_logprobs !== undefined && !body.logprobs) {
      throw new AppError('invalid_value', { param: 'top_logprobs', reason: 'needs logprobs to be true' });
    }
    const messages = toMessages(body.messages);
    return {
      requestId: request.id,
      principal: request.principal,
      model: body.model,
      override: readOverride(request, request.headers),
      stickiness: {
        user: body.user,
        safetyIdentifier: body.safety_identifier,
        conversationId: body.metadata?.conversation_id,
        conversationHeader: request.headers['x-conversation-id'],
        keyId: request.principal.keyId,
        firstUserMessage: (messages.find(({ role }) => role === 'user') ?? messages[0])!.content,
      },
      messages,
      retrieval: toRetrieval(body),
      toolUse: toFunctionUse(body),
      ...(body.chat_template_kwargs && { templateFlags: body.chat_template_kwargs }),
      priority: toPriority(body),
      sampling: toSampling(body),
      maxTokens: body.max_completion_tokens ?? body.max_tokens ?? null,
      stop: toStop(body.stop),
      topLogprobs: body.logprobs ? (body.top_logprobs ?? 0) : null,
      grammar: toGrammar(body),
      choices: body.n ?? 1,
    };
  }
}

function toMessage({ text, reasoning, calls, grounding }: CollectedChoice) {
  return {
    role: 'assistant',
    content: text === '' && calls.length > 0 ? null : text,
    refusal: null,
    ...(reasoning !== '' && { reasoning_content: reasoning }),
    ...(calls.length > 0 && { tool_calls: calls.map(toCall) }),
    ...toContext(grounding),
  };
}

function toCompletion({ head, choices, finished }: CollectedAnswer, withLogprobs: boolean) {
  return {
    id: head.id,
    object: 'chat.completion',
    created: head.created,
    model: head.model,
    system_fingerprint: head.system_fingerprint,
    choices: choices.map((choice, index) => ({
      index,
      message: toMessage(choice),
      logprobs: withLogprobs ? toLogprobs(choice.logprobs) : null,
      finish_reason: choice.reason,
    })),
    usage: toUsage(finished),
  };
}

/** The first chunk has the role; every delta has a content, because clients choke on those that have none. */
function toChunks(body: Body): EncodeChunks {
  const withUsage = body.stream_options?.include_usage ?? false;
  return (head, event) => {
    const chunk = (
      delta: object,
      logprobs: object | null,
      finishReason: string | null,
      index: number = choiceOf(event),
    ) => ({
      id: head.id,
      object: 'chat.completion.chunk',
      created: head.created,
      model: head.model,
      system_fingerprint: head.system_fingerprint,
      choices: [{ index, delta, logprobs, finish_reason: finishReason }],
      ...(withUsage && { usage: null }),
    });
    switch (event.type) {
      case 'started':
        return Array.from({ length: body.n ?? 1 }, (_, index) =>
          chunk({ role: 'assistant', content: '' }, null, null, index),
        );
      case 'delta':
        return [chunk({ content: event.text }, body.logprobs ? toLogprobs(event.logprobs) : null, null)];
      case 'reasoning':
        return [chunk({ reasoning_content: event.text }, null, null)];
      case 'tool_call': {
        const call = { index: event.index, ...toCall({ id: event.id, name: event.name, arguments: '' }) };
        return [chunk({ tool_calls: [call] }, null, null)];
      }
      case 'tool_arguments': {
        const call = { index: event.index, function: { arguments: event.text } };
        return [chunk({ tool_calls: [call] }, null, null)];
      }
      case 'choice_finished':
        return [chunk({ content: '', ...toContext(event.grounding) }, null, event.reason)];
      case 'finished':
        return lastChunks(body, event, chunk({ content: '', ...toContext(event.grounding) }, null, event.reason));
    }
  };
}

function toCall({ id, name, arguments: args }: ToolCall) {
  return { id, type: 'function', function: { name, arguments: args } };
}

function toContext(grounding: Grounding | null) {
  if (grounding === null) return {};
  const { annotations, citations, leftOut, maxTokens } = grounding;
  const context = { citations, left_out: leftOut, max_completion_tokens: maxTokens };
  return { annotations, context };
}

function toLogprobs(tokens: readonly GeneratedToken[]) {
  const one = ({ token, logprob, bytes }: TokenLogprob) => ({ token, logprob, bytes });
  return { content: tokens.map((token) => ({ ...one(token), top_logprobs: token.top.map(one) })), refusal: null };
}
