import { Type } from 'typebox';
import type { ScoredPassage } from '../../../contracts/retrieval.js';
import { errorResponses } from '../../../errors/responses.js';
import type { App, Services } from '../../app.js';
import { GroupHeaders } from '../../plugins/groups.js';
import { Location } from './location.js';
import { checkRefused, type RefusedParameters, refusedFields } from './parameters.js';
import { RankingOptions, toMode } from './ranking-options.js';
import { Filter, toFilter } from './search-filter.js';
import { Attributes } from './vector-store-files.js';

const REFUSED = {
  rewrite_query: { reason: 'the query is searched as it is', harmless: Type.Literal(false) },
} satisfies RefusedParameters;

const Query = Type.String({ minLength: 1, maxLength: 8192 });

const SearchBody = Type.Object(
  {
    query: Type.Union([Query, Type.Array(Query, { minItems: 1, maxItems: 8 })]),
    max_num_results: Type.Optional(Type.Integer({ minimum: 1, maximum: 50, default: 10 })),
    ranking_options: Type.Optional(RankingOptions),
    filters: Type.Optional(Filter),
    ...refusedFields(REFUSED),
  },
  { additionalProperties: false },
);

const SearchResults = Type.Object(
  {
    object: Type.Literal('vector_store.search_results.page'),
    search_query: Type.Array(Type.String()),
    data: Type.Array(
      Type.Object({
        file_id: Type.String(),
        filename: Type.String(),
        score: Type.Number(),
        attributes: Attributes,
        content: Type.Array(Type.Object({ type: Type.Literal('text'), text: Type.String() })),
        heading_path: Type.Array(Type.String(), {
          description: "Headings from the document's title down to the passage.",
        }),
        location: Location,
      }),
    ),
    has_more: Type.Boolean(),
    next_page: Type.Null(),
  },
  { description: 'The best passages.' },
);

export function addVectorStoreSearch(app: App, { retrieval }: Services): void {
  app.post(
    '/v1/vector_stores/:vector_store_id/search',
    {
      config: { scope: 'documents', takesGroups: true, keepsNothing: true },
      schema: {
        summary: 'Search a vector store',
        operationId: 'searchVectorStore',
        tags: ['documents'],
        headers: GroupHeaders,
        params: Type.Object({ vector_store_id: Type.String() }),
        body: SearchBody,
        response: { 200: SearchResults, ...errorResponses },
      },
    },
    async ({ principal, params, body, hangUp }) => {
      checkRefused(REFUSED, body);
      const queries = [body.query].flat();
      const topK = body.max_num_results ?? 10;
      const search = {
        tenant: principal.tenant,
        storeIds: [params.vector_store_id],
        groups: principal.groups ?? [],
        context: '',
        mode: toMode(body.ranking_options?.ranker) ?? 'hybrid',
        filter: toFilter(body.filters, 'filters'),
        topK,
        minScore: body.ranking_options?.score_threshold ?? 0,
        diversity: body.ranking_options?.diversity ?? 0,
      };
      const results = await Promise.all(queries.map((query) => retrieval.search({ ...search, query }, hangUp)));
      return {
        object: 'vector_store.search_results.page',
        search_query: queries,
        data: bestOf(
          results.flatMap(({ passages }) => passages),
          topK,
        ).map(toWire),
        has_more: false,
        next_page: null,
      };
    },
  );
}

/** Each content once, with its best score. */
function bestOf(passages: readonly ScoredPassage[], limit: number): ScoredPassage[] {
  const byScore = [...passages].sort((a, b) => b.score - a.score);
  const unique = new Map<string, ScoredPassage>();
  for (const passage of byScore) {
    const content = JSON.stringify([passage.headingPath, passage.text]);
    if (!unique.has(content)) unique.set(content, passage);
  }
  return [...unique.values()].slice(0, limit);
}

function toWire({ fileId, filename, score, attributes, text, headingPath, location }: ScoredPassage) {
  return {
    file_id: fileId,
    filename,
    score,
    attributes,
    content: [{ type: 'text', text }],
    heading_path: headingPath,
    location,
  };
}
