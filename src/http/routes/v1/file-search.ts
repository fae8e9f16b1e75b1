/** OpenAI's tool `file_search`, which several surfaces have. */
import { type Static, Type } from 'typebox';
import { MAX_SEARCHED_STORES } from '../../../contracts/registry-limits.js';
import type { RetrievalOverride } from '../../../pipeline/types.js';
import { RankingOptions, toMode } from './ranking-options.js';
import { Filter, toFilter } from './search-filter.js';

export const FileSearchTool = Type.Object(
  {
    type: Type.Literal('file_search'),
    vector_store_ids: Type.Optional(
      Type.Array(Type.String({ minLength: 1 }), {
        maxItems: MAX_SEARCHED_STORES,
        description: 'None: those of the deployment.',
      }),
    ),
    max_num_results: Type.Optional(Type.Integer({ minimum: 1, maximum: 50 })),
    ranking_options: Type.Optional(RankingOptions),
    filters: Type.Optional(Filter),
  },
  { additionalProperties: false, description: 'Searches before the answer.' },
);

type FileSearch = Static<typeof FileSearchTool>;
type Search = { readonly [M in Exclude<keyof FileSearch, 'type'>]?: FileSearch[M] | undefined };

/** @param at name of the tool, for errors */
export function searchOf(tool: Search, at: string): RetrievalOverride {
  const { vector_store_ids: storeIds = [], max_num_results: topK, ranking_options: ranking, filters } = tool;
  return {
    enabled: true,
    storeIds: [...new Set(storeIds)],
    mode: toMode(ranking?.ranker),
    filter: toFilter(filters, `${at}.filters`),
    topK: topK ?? null,
    minScore: ranking?.score_threshold ?? null,
    diversity: ranking?.diversity ?? null,
  };
}
