import type { RetrievalPolicy } from '../contracts/registry.js';
import type { ScoredPassage } from '../contracts/retrieval.js';
import type { ChatRequest, PipelineServices, RetrievalOverride, Route } from './types.js';

/** Parts of it are searched for; a longer one would only keep the other tenants' queries waiting. */
const MAX_QUERY_CHARACTERS = 8192;
/** Of a longer one the end is kept, where the question mostly stands, and the beginning. */
const BEGINNING_CHARACTERS = 2048;

export interface Wanted {
  /** null is the tenant's default store. */
  readonly storeIds: readonly (string | null)[];
  readonly topK: number;
  readonly minScore: number;
}

export interface Found {
  /** Best first. */
  readonly passages: readonly ScoredPassage[];
  readonly snapshot: string;
}

/** What to search for, from the deployment's policy and the request's override; null: retrieval is off. */
export function planRetrieval(policy: RetrievalPolicy, override: RetrievalOverride | null): Wanted | null {
  if (!(override?.enabled ?? policy.enabled)) return null;
  return {
    storeIds: override === null || override.storeIds.length === 0 ? [null] : override.storeIds,
    topK: override?.topK ?? policy.topK,
    minScore: override?.minScore ?? policy.minScore,
  };
}

/** Finds the passages for a question. */
export async function retrieve(
  { retrieval, metrics }: Pick<PipelineServices, 'retrieval' | 'metrics'>,
  route: Route,
  { principal, question }: Pick<ChatRequest, 'principal'> & { readonly question: string },
  wanted: Wanted,
  signal: AbortSignal,
): Promise<Found> {
  const { tenant } = principal;
  const query = withoutMiddle(question.trim());
  if (query === '') return { passages: [], snapshot: '' };

  const results = await Promise.all(
    wanted.storeIds.map((storeId) =>
      retrieval.search({ tenant, storeId, query, topK: wanted.topK, minScore: wanted.minScore }, signal),
    ),
  );
  for (const { timings } of results) {
    metrics.observe('retrieval_duration_seconds', { tenant, stage: 'embed' }, timings.embedMs / 1000);
    metrics.observe('retrieval_duration_seconds', { tenant, stage: 'search' }, timings.searchMs / 1000);
  }
  // A document may be in several stores.
  const seen = new Set<string>();
  const passages = results
    .flatMap((result) => result.passages)
    .sort((a, b) => b.score - a.score)
    .filter(({ headingPath, text }) => {
      const content = JSON.stringify([headingPath, text]);
      return !seen.has(content) && seen.add(content);
    })
    .slice(0, wanted.topK);
  const best = passages[0];
  if (best !== undefined) {
    metrics.observe('retrieval_top_score', { tenant, deployment: route.deployment }, best.score);
  }
  return { passages, snapshot: results.map((result) => result.snapshot).join(',') };
}

function withoutMiddle(text: string): string {
  if (text.length <= MAX_QUERY_CHARACTERS) return text;
  return `${text.slice(0, BEGINNING_CHARACTERS)}\n${text.slice(BEGINNING_CHARACTERS + 1 - MAX_QUERY_CHARACTERS)}`;
}
