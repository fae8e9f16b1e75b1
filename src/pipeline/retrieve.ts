import type { ChatMessage } from '../contracts/prompt.js';
import type { RetrievalPolicy } from '../contracts/registry.js';
import type { ScoredPassage, SearchFilter, SearchMode } from '../contracts/retrieval.js';
import type { ChatRequest, PipelineServices, RetrievalOverride, Route } from './types.js';

/** Parts of it are searched for; a longer one would only keep the other tenants' queries waiting. */
const MAX_QUERY_CHARACTERS = 8192;
/** Of a longer one the end is kept, where the question mostly stands, and the beginning. */
const BEGINNING_CHARACTERS = 2048;
/** A question that follows others leaves out what it is about: they are searched for with it. Older ones are about something else. */
const QUESTIONS_BEFORE = 2;
const MAX_CHARACTERS_BEFORE = 512;

export interface Wanted {
  /** None: the tenant's default store. */
  readonly storeIds: readonly string[];
  readonly mode: SearchMode;
  readonly filter: SearchFilter | null;
  readonly topK: number;
  readonly minScore: number;
  readonly diversity: number;
}

export interface Found {
  /** Best first. */
  readonly passages: readonly ScoredPassage[];
  readonly snapshot: string;
  readonly durationMs: number;
  /** Of the monotonic clock; null: there was nothing to search for. */
  readonly endedAtMs: number | null;
}

/** What to search for, from the deployment's policy and the request's override; null: retrieval is off. */
export function planRetrieval(policy: RetrievalPolicy, override: RetrievalOverride | null): Wanted | null {
  if (!(override?.enabled ?? policy.enabled)) return null;
  return {
    storeIds: override?.storeIds.length ? override.storeIds : (policy.storeIds ?? []),
    mode: override?.mode ?? policy.mode ?? 'hybrid',
    filter: override?.filter ?? null,
    topK: override?.topK ?? policy.topK,
    minScore: override?.minScore ?? policy.minScore,
    diversity: override?.diversity ?? policy.diversity ?? 0,
  };
}

/** What is asked, and what was asked before it. */
interface Asked {
  readonly question: string;
  readonly context: string;
}

/** The last message of the user, and those before it that it may refer to. */
export function askedIn(messages: readonly ChatMessage[]): Asked {
  const ofUser = messages.filter(({ role }) => role === 'user').map(({ content }) => content);
  // Some clients put their question into a system message, alone.
  const question = ofUser.at(-1) ?? messages.at(-1)?.content ?? '';
  const before = ofUser.slice(0, -1).filter((content) => content.trim() !== '');
  const context = before
    .slice(-QUESTIONS_BEFORE)
    .map((content) => content.trim().slice(-MAX_CHARACTERS_BEFORE))
    .join('\n');
  return { question, context };
}

/** Finds the passages for a question. */
export async function retrieve(
  { retrieval, metrics, clock }: Pick<PipelineServices, 'retrieval' | 'metrics' | 'clock'>,
  route: Route,
  { principal, question, context }: Pick<ChatRequest, 'principal'> & Asked,
  wanted: Wanted,
  signal: AbortSignal,
): Promise<Found> {
  const { tenant, groups } = principal;
  const query = withoutMiddle(question.trim());
  if (query === '') return { passages: [], snapshot: '', durationMs: 0, endedAtMs: null };

  const request = { tenant, groups: groups ?? [], query, context, ...wanted };
  const { passages, snapshot, timings } = await retrieval.search(request, signal);
  const endedAtMs = clock.monotonicMs();
  metrics.observe('retrieval_duration_seconds', { tenant, stage: 'embed' }, timings.embedMs / 1000);
  metrics.observe('retrieval_duration_seconds', { tenant, stage: 'search' }, timings.searchMs / 1000);
  const best = passages[0];
  if (best !== undefined) {
    metrics.observe('retrieval_top_score', { tenant, deployment: route.deployment }, best.score);
  }
  return { passages, snapshot, durationMs: timings.embedMs + timings.searchMs, endedAtMs };
}

function withoutMiddle(text: string): string {
  if (text.length <= MAX_QUERY_CHARACTERS) return text;
  return `${text.slice(0, BEGINNING_CHARACTERS)}\n${text.slice(BEGINNING_CHARACTERS + 1 - MAX_QUERY_CHARACTERS)}`;
}
