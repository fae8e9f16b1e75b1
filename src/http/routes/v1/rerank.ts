import { randomUUID } from 'node:crypto';
import { Type } from 'typebox';
import { AppError } from '../../../errors/app-error.js';
import { errorResponses } from '../../../errors/responses.js';
import type { App, Services } from '../../app.js';
import { checkRefused, type RefusedParameters, refusedFields } from './parameters.js';

const MAX_DOCUMENTS = 1000;
const MAX_CHARACTERS = 32_768;

const REFUSED = {
  rank_fields: { reason: 'a document has one field', harmless: Type.Array(Type.Literal('text')) },
  max_tokens_per_doc: { reason: 'documents are read whole' },
  max_chunks_per_doc: { reason: 'documents are read whole' },
} satisfies RefusedParameters;

const Text = Type.String({ minLength: 1, maxLength: MAX_CHARACTERS });
const RerankBody = Type.Object(
  {
    model: Type.String({ minLength: 1, description: 'The embedding model.' }),
    query: Text,
    documents: Type.Array(Type.Union([Text, Type.Object({ text: Text }, { additionalProperties: false })]), {
      minItems: 1,
      maxItems: MAX_DOCUMENTS,
    }),
    top_n: Type.Optional(Type.Integer({ minimum: 1, description: 'Of the best; by default all.' })),
    return_documents: Type.Optional(Type.Boolean({ default: false })),
    ...refusedFields(REFUSED),
  },
  { additionalProperties: false },
);

const Ranking = Type.Object(
  {
    id: Type.String(),
    object: Type.Literal('list'),
    model: Type.String(),
    results: Type.Array(
      Type.Object({
        index: Type.Integer({ description: 'Of the document, as it was sent.' }),
        relevance_score: Type.Number({
          description:
            'How sure retrieval is that it answers the query, 0 … 1: by the nearness of their embeddings and by common words, each beside the other documents of the request. It is no cross-encoder; compare scores within one request only.',
        }),
        document: Type.Optional(Type.Object({ text: Type.String() })),
      }),
      { description: 'Best first; of a long document its best piece counts.' },
    ),
    usage: Type.Object({ prompt_tokens: Type.Integer(), total_tokens: Type.Integer() }),
  },
  { description: 'The documents in order.' },
);

export function addRerank(app: App, { retrieval }: Services): void {
  app.post(
    '/v1/rerank',
    {
      config: { scope: 'inference', keepsNothing: true },
      schema: {
        summary: 'Order texts by how well they answer a query',
        operationId: 'createRerank',
        tags: ['generation'],
        body: RerankBody,
        response: { 200: Ranking, ...errorResponses },
      },
    },
    async ({ principal: { tenant }, body, hangUp }) => {
      checkRefused(REFUSED, body);
      const { id: model } = retrieval.embedder;
      if (body.model !== model) throw new AppError('model_not_found', { model: body.model });
      const documents = body.documents.map((document) => (typeof document === 'string' ? document : document.text));
      const { scores, tokens } = await retrieval.rerank({ tenant, query: body.query, documents }, hangUp);
      const results = documents
        .map((text, index) => ({
          index,
          relevance_score: scores[index]!,
          ...(body.return_documents && { document: { text } }),
        }))
        .sort((a, b) => b.relevance_score - a.relevance_score)
        .slice(0, body.top_n);
      return {
        id: `rerank-${randomUUID().replaceAll('-', '')}`,
        object: 'list',
        model,
        results,
        usage: { prompt_tokens: tokens, total_tokens: tokens },
      };
    },
  );
}
