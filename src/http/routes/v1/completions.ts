import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { AppError } from '../../../errors/app-error.js';
import { grammarParam } from '../../../generation/grammar-param.js';
import type { CompletionRequest } from '../../../pipeline/types.js';
import type { App, Services } from '../../app.js';
import {
  answerResponses,
  type CollectedAnswer,
  choiceOf,
  createDeliver,
  type EncodeChunks,
  lastChunks,
  receiptOf,
  toUsage,
} from './answers.js';
import { toOverride } from './chat-request.js';
import { Retrieval, UsageSchema } from './chat-schema.js';
import { givenOf, nameIgnored } from './ignored.js';
import { toLegacyLogprobs } from './legacy-logprobs.js';
import {
  checkRefused,
  checkStreamOptions,
  generationFields,
  type RefusedParameters,
  refusedFields,
  toPriority,
  toSampling,
  toStop,
} from './parameters.js';
import { Receipt } from './receipts.js';
import { RoutingHeaders, readOverride } from './routing.js';
import { structuredFields, toGrammar } from './structured.js';

/** OpenAI's default, so that a client which sets no limit does not fill the context. */
const DEFAULT_MAX_TOKENS = 16;

const REFUSED = {
  best_of: { reason: 'every choice that is generated is returned; ask for n', harmless: Type.Literal(1) },
  echo: { reason: 'the prompt is not part of the answer', harmless: Type.Literal(false) },
} satisfies RefusedParameters;

const CompletionBody = Type.Object(
  {
    prompt: Type.Union(
      [
        Type.String(),
        Type.Array(Type.String(), { minItems: 1, maxItems: 1 }),
        Type.Array(Type.Integer({ minimum: 0 }), { minItems: 1 }),
        Type.Array(Type.Array(Type.Integer({ minimum: 0 }), { minItems: 1 }), { minItems: 1, maxItems: 1 }),
      ],
      { description: 'One text, or the token ids of one; no chat template is put around it.' },
    ),
    suffix: Type.Optional(
      Type.String({
        description:
          'Text after the answer: fill in the middle, where the base model can. It ends where this begins again.',
      }),
    ),
    retrieval: Type.Optional(Retrieval),
    ...generationFields,
    ...structuredFields,
    logprobs: Type.Optional(Type.Integer({ minimum: 0, maximum: 5 })),
    ...refusedFields(REFUSED),
  },
  { additionalProperties: false },
);
type Body = Static<typeof CompletionBody>;

const TextCompletion = Type.Object({
  id: Type.String(),
  object: Type.Literal('text_completion'),
  created: Type.Integer(),
  model: Type.String(),
  system_fingerprint: Type.String(),
  choices: Type.Array(
    Type.Object({
      index: Type.Integer(),
      text: Type.String(),
      logprobs: Type.Union([
        Type.Object({
          tokens: Type.Array(Type.String()),
          token_logprobs: Type.Array(Type.Number()),
          top_logprobs: Type.Array(Type.Record(Type.String(), Type.Number())),
          text_offset: Type.Array(Type.Integer()),
        }),
        Type.Null(),
      ]),
      finish_reason: Type.Enum(['stop', 'length', 'content_filter']),
    }),
  ),
  usage: UsageSchema,
  receipt: Type.Optional(Receipt),
});

export function addCompletions(app: App, services: Services): void {
  const { engines, pipeline } = services;
  const deliver = createDeliver(services);

  app.post(
    '/v1/completions',
    {
      config: { scope: 'inference', keepsNothing: true },
      schema: {
        summary: 'Continue a text, or fill in its middle',
        operationId: 'createCompletion',
        tags: ['generation'],
        headers: RoutingHeaders,
        body: CompletionBody,
        response: answerResponses('The continuation', TextCompletion),
      },
    },
    async (request, reply) => {
      const { body } = request;
      nameIgnored(reply, givenOf(body, ['store']));
      const events = pipeline.complete(toCompletionRequest(request, body), request.hangUp);
      return deliver(request, reply, events, {
        stream: body.stream ?? false,
        encode: toChunks(body),
        toBody: (answer) => ({
          ...toCompletion(answer, body.logprobs !== undefined),
          ...receiptOf(body, answer.finished),
        }),
      });
    },
  );

  function toCompletionRequest(
    request: FastifyRequest<{ Headers: Static<typeof RoutingHeaders> }>,
    body: Body,
  ): CompletionRequest {
    checkRefused(REFUSED, body);
    checkStreamOptions(body);
    const prompt = toPrompt(body);
    if (prompt.kind === 'infill' && !engines.base.supportsInfill) {
      throw new AppError('infill_not_supported', { model: engines.base.id, param: 'suffix' });
    }
    if (prompt.kind !== 'infill' && body.retrieval !== undefined) {
      const reason = 'needs a suffix: passages are put before code that is filled in';
      throw new AppError('invalid_value', { param: 'retrieval', reason });
    }
    const grammar = toGrammar(body);
    if (prompt.kind === 'infill' && grammar !== null) {
      const reason = 'what comes between prompt and suffix cannot be bound to a grammar; leave one of them out';
      throw new AppError('invalid_value', { param: grammarParam(grammar), reason });
    }
    return {
      requestId: request.id,
      principal: request.principal,
      model: body.model,
      override: readOverride(request, request.headers),
      stickiness: {
        user: body.user,
        conversationHeader: request.headers['x-conversation-id'],
        keyId: request.principal.keyId,
        firstUserMessage: typeof body.prompt === 'string' ? body.prompt : body.prompt.join(),
      },
      prompt,
      retrieval: body.retrieval === undefined ? null : toOverride(body.retrieval),
      priority: toPriority(body),
      sampling: toSampling(body),
      maxTokens: body.max_tokens ?? DEFAULT_MAX_TOKENS,
      stop: toStop(body.stop),
      topLogprobs: body.logprobs ?? null,
      grammar,
      choices: body.n ?? 1,
    };
  }
}

function toPrompt({ prompt, suffix }: Body): CompletionRequest['prompt'] {
  const first = Array.isArray(prompt) && typeof prompt[0] !== 'number' ? prompt[0]! : prompt;
  if (typeof first === 'string') {
    return suffix === undefined ? { kind: 'text', text: first } : { kind: 'infill', prefix: first, suffix, files: [] };
  }
  if (suffix !== undefined) {
    throw new AppError('invalid_value', { param: 'suffix', reason: 'needs the prompt as text, not as token ids' });
  }
  return { kind: 'tokens', ids: first as readonly number[] };
}

function toCompletion({ head, choices, finished }: CollectedAnswer, withLogprobs: boolean) {
  return {
    id: head.id,
    object: 'text_completion',
    created: head.created,
    model: head.model,
    system_fingerprint: head.system_fingerprint,
    choices: choices.map(({ text, logprobs, reason }, index) => ({
      index,
      text,
      logprobs: withLogprobs ? toLegacyLogprobs()(logprobs) : null,
      finish_reason: reason,
    })),
    usage: toUsage(finished),
  };
}

function toChunks(body: Body): EncodeChunks {
  const withUsage = body.stream_options?.include_usage ?? false;
  const n = body.n ?? 1;
  const encoders = Array.from({ length: n }, toLegacyLogprobs);
  return (head, event) => {
    const index = choiceOf(event);
    const chunk = (text: string, logprobs: object | null, finishReason: string | null) => ({
      id: head.id,
      object: 'text_completion',
      created: head.created,
      model: head.model,
      system_fingerprint: head.system_fingerprint,
      choices: [{ index, text, logprobs, finish_reason: finishReason }],
      ...(withUsage && { usage: null }),
    });
    switch (event.type) {
      case 'delta':
        return [chunk(event.text, body.logprobs === undefined ? null : encoders[index]!(event.logprobs), null)];
      case 'choice_finished':
        return [chunk('', null, event.reason)];
      case 'finished':
        return lastChunks(body, event, chunk('', null, event.reason));
      default:
        return [];
    }
  };
}
