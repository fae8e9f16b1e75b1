import { Readable } from 'node:stream';
import { type Static, Type } from 'typebox';
import type { EmbeddingInput } from '../../../contracts/retrieval.js';
import { AppError } from '../../../errors/app-error.js';
import { errorResponses } from '../../../errors/responses.js';
import type { App, Services } from '../../app.js';
import { embeddingList, embeddingListPieces, isShort } from './embedding-list.js';
import { givenOf, nameIgnored } from './ignored.js';
import { WITHOUT_EFFECT } from './parameters.js';

const MAX_INPUTS = 2048;
const Text = Type.String({ minLength: 1 });
const TokenIds = Type.Array(Type.Integer({ minimum: 0 }), { minItems: 1, maxItems: 8192 });

const EmbeddingsBody = Type.Object(
  {
    model: Type.String({ minLength: 1 }),
    input: Type.Union(
      [
        Text,
        Type.Array(Text, { minItems: 1, maxItems: MAX_INPUTS }),
        TokenIds,
        Type.Array(TokenIds, { minItems: 1, maxItems: MAX_INPUTS }),
      ],
      { description: "One or several texts, or their token ids in OpenAI's cl100k_base." },
    ),
    encoding_format: Type.Optional(
      Type.Enum(['float', 'base64'], { default: 'float', description: 'base64: of little-endian 32-bit floats.' }),
    ),
    dimensions: Type.Optional(Type.Integer({ minimum: 1, description: "Only the model's own number." })),
    user: Type.Optional(Type.String({ description: WITHOUT_EFFECT })),
  },
  { additionalProperties: false },
);

const Embeddings = Type.Object(
  {
    object: Type.Literal('list'),
    model: Type.String(),
    data: Type.Array(
      Type.Object({
        object: Type.Literal('embedding'),
        index: Type.Integer(),
        embedding: Type.Union([Type.Array(Type.Number()), Type.String()]),
      }),
    ),
    usage: Type.Object({ prompt_tokens: Type.Integer(), total_tokens: Type.Integer() }),
  },
  { description: 'The embeddings, in the order of the texts.' },
);

export function addEmbeddings(app: App, { retrieval }: Services): void {
  app.post(
    '/v1/embeddings',
    {
      config: { scope: 'inference', keepsNothing: true },
      schema: {
        summary: 'Embed texts',
        operationId: 'createEmbedding',
        tags: ['generation'],
        body: EmbeddingsBody,
        response: { 200: Embeddings, ...errorResponses },
      },
    },
    async ({ principal, body, hangUp }, reply) => {
      const { id, dimensions } = retrieval.embedder;
      if (body.model !== id) throw new AppError('model_not_found', { model: body.model });
      if (body.dimensions !== undefined && body.dimensions !== dimensions) {
        const reason = `the embeddings of ${id} have ${dimensions} dimensions`;
        throw new AppError('unsupported_parameter', { param: 'dimensions', reason });
      }
      nameIgnored(reply, givenOf(body, ['user']));
      const embedded = await retrieval.embed(principal.tenant, toInputs(body.input), hangUp);
      const encoding = body.encoding_format ?? 'float';
      if (isShort(embedded, encoding)) return embeddingList(id, embedded, encoding);
      reply.type('application/json; charset=utf-8');
      return reply.send(Readable.from(embeddingListPieces(id, embedded, encoding)));
    },
  );
}

function toInputs(input: Static<typeof EmbeddingsBody>['input']): readonly EmbeddingInput[] {
  if (typeof input === 'string') return [input];
  return typeof input[0] === 'number' ? [input as number[]] : (input as EmbeddingInput[]);
}
