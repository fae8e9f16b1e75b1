/** llama.cpp's way to ask for the middle, as its editor extensions (llama.vscode, llama.vim) do. */
import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { AppError } from '../../errors/app-error.js';
import type { CompletionRequest } from '../../pipeline/types.js';
import type { App, Services } from '../app.js';
import { answerResponses, type CollectedAnswer, createDeliver, type EncodeChunks } from './v1/answers.js';
import { toOverride } from './v1/chat-request.js';
import { Retrieval } from './v1/chat-schema.js';
import { nameIgnored, otherMembers } from './v1/ignored.js';
import { RoutingHeaders, readOverride } from './v1/routing.js';

const DEFAULT_PREDICTED_TOKENS = 128;

/** Open: clients of llama.cpp send settings of its server. Those that have no meaning here are named in the response. */
const InfillBody = Type.Object({
  input_prefix: Type.String({ default: '', description: 'The code above the lines being written.' }),
  prompt: Type.Optional(Type.String({ default: '', description: 'What comes between input_prefix and the middle.' })),
  input_suffix: Type.String({ default: '' }),
  input_extra: Type.Optional(
    Type.Array(Type.Object({ filename: Type.Optional(Type.String()), text: Type.String() }), {
      maxItems: 256,
      description: 'Other files, or parts of them, the nearest last; the first go where there is no room for all.',
    }),
  ),
  n_predict: Type.Optional(
    Type.Integer({
      minimum: -1,
      default: DEFAULT_PREDICTED_TOKENS,
      description: '0: only compute the prompt. -1: no limit.',
    }),
  ),
  temperature: Type.Optional(Type.Number({ minimum: 0, maximum: 2, default: 0 })),
  top_k: Type.Optional(Type.Integer({ minimum: -1, default: 0 })),
  top_p: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 1, default: 1 })),
  min_p: Type.Optional(Type.Number({ minimum: 0, maximum: 1, default: 0 })),
  seed: Type.Optional(Type.Integer({ minimum: -1, default: -1 })),
  stop: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 512 }), { maxItems: 4 })),
  stream: Type.Optional(Type.Boolean({ default: false })),
  model: Type.Optional(
    Type.String({
      minLength: 1,
      description: 'Extension. A deployment, or a version of it; the base model by default.',
    }),
  ),
  retrieval: Type.Optional(Retrieval),
});
type Body = Static<typeof InfillBody>;
const MEMBERS = new Set(Object.keys(InfillBody.properties));

const InfillAnswer = Type.Object({
  content: Type.String(),
  stop: Type.Boolean({ description: 'Nothing comes behind it.' }),
  stop_type: Type.Optional(Type.Enum(['limit', 'eos'])),
  model: Type.String(),
  tokens_evaluated: Type.Optional(Type.Integer({ description: 'Tokens of the prompt.' })),
  tokens_predicted: Type.Optional(Type.Integer()),
  truncated: Type.Optional(Type.Boolean()),
});

export function addInfill(app: App, services: Services): void {
  const { engines, pipeline } = services;
  const deliver = createDeliver(services);

  app.post(
    '/infill',
    {
      config: { scope: 'inference', keepsNothing: true },
      schema: {
        summary: "Fill in the middle, in the shape of llama.cpp's server",
        operationId: 'infill',
        tags: ['generation'],
        headers: RoutingHeaders,
        body: InfillBody,
        response: answerResponses('The middle', InfillAnswer),
      },
    },
    async (request, reply) => {
      const { body } = request;
      nameIgnored(reply, otherMembers(body, MEMBERS));
      const events = pipeline.complete(toCompletionRequest(request, body), request.hangUp);
      return deliver(request, reply, events, {
        stream: body.stream ?? false,
        encode: toChunks(body),
        toBody: ({ head, choices, finished }) => toAnswer(body, head.model, choices[0]!.text, finished),
      });
    },
  );

  function toCompletionRequest(
    request: FastifyRequest<{ Headers: Static<typeof RoutingHeaders> }>,
    body: Body,
  ): CompletionRequest {
    if (!engines.base.supportsInfill) throw new AppError('infill_not_supported', { model: engines.base.id });
    const prefix = body.input_prefix + (body.prompt ?? '');
    return {
      requestId: request.id,
      principal: request.principal,
      model: body.model ?? engines.base.id,
      override: readOverride(request, request.headers),
      stickiness: {
        user: undefined,
        conversationHeader: request.headers['x-conversation-id'],
        keyId: request.principal.keyId,
        firstUserMessage: '',
      },
      prompt: { kind: 'infill', prefix, suffix: body.input_suffix, files: toFiles(body) },
      retrieval: body.retrieval === undefined ? null : toOverride(body.retrieval),
      priority: 'interactive',
      sampling: {
        temperature: body.temperature ?? 0,
        topP: body.top_p ?? 1,
        topK: Math.max(0, body.top_k ?? 0),
        minP: body.min_p ?? 0,
        repetitionPenalty: 1,
        presencePenalty: 0,
        frequencyPenalty: 0,
        seed: body.seed === undefined || body.seed < 0 ? null : body.seed,
        logitBias: {},
      },
      maxTokens: toMaxTokens(body),
      stop: body.stop ?? [],
      topLogprobs: null,
      grammar: null,
    };
  }
}

function toFiles({ input_extra: extra = [] }: Body): { path: string; text: string }[] {
  return extra.map(({ filename, text }) => ({ path: filename ?? 'unnamed', text }));
}

/** The engine computes a prompt only for an answer; of one token nothing is shown where none was wanted. */
function toMaxTokens({ n_predict: wanted = DEFAULT_PREDICTED_TOKENS }: Body): number | null {
  return wanted === -1 ? null : Math.max(1, wanted);
}

function toAnswer(body: Body, model: string, text: string, { reason, usage }: CollectedAnswer['finished']) {
  return {
    content: body.n_predict === 0 ? '' : text,
    stop: true,
    stop_type: reason === 'length' ? 'limit' : 'eos',
    model,
    tokens_evaluated: usage.promptTokens,
    tokens_predicted: usage.completionTokens,
    truncated: false,
  };
}

function toChunks(body: Body): EncodeChunks {
  return ({ model }, event) => {
    switch (event.type) {
      case 'delta':
        return body.n_predict === 0 ? [] : [{ content: event.text, stop: false, model }];
      case 'finished':
        return [toAnswer(body, model, '', event)];
      default:
        return [];
    }
  };
}
