import type { Prompt } from '../contracts/prompt.js';
import type { ScoredPassage } from '../contracts/retrieval.js';
import { AppError } from '../errors/app-error.js';
import type { PipelineServices, Route } from './types.js';

/** A passage and the tokens it takes in the prompt. */
export interface Costed {
  readonly passage: ScoredPassage;
  readonly tokens: number;
}

/** Of what the messages leave of the context, the part that evidence gets however long the answer may become. */
const EVIDENCE_SHARE = 0.5;

/**
 * Ends what can have no answer before anything is screened, searched or counted for it.
 * @throws AppError `context_length_exceeded`
 */
export function refuseHopeless(
  { engines, tokenizer }: Pick<PipelineServices, 'engines' | 'tokenizer'>,
  { engine }: Pick<Route, 'engine'>,
  prompt: Prompt,
  maxTokens: number | null,
): void {
  const { contextTokens } = engines.of(engine).model;
  const least = tokenizer.leastTokens(prompt, contextTokens);
  if (least <= contextTokens) return;
  throw tooLong(`at least ${least}`, maxTokens, contextTokens);
}

/** @throws AppError `context_length_exceeded` where a prompt of so many tokens has no room beside the shortest answer that may be */
export function requireContext(
  { engines }: Pick<PipelineServices, 'engines'>,
  { engine }: Pick<Route, 'engine'>,
  promptTokens: number,
  maxTokens: number | null,
): void {
  const { contextTokens } = engines.of(engine).model;
  if (promptTokens + (maxTokens ?? 1) > contextTokens) throw tooLong(promptTokens, maxTokens, contextTokens);
}

const tooLong = (promptTokens: number | string, maxTokens: number | null, contextTokens: number): AppError =>
  new AppError('context_length_exceeded', { promptTokens, maxTokens: maxTokens ?? 1, contextTokens });

/** Tokens for passages: what the answer's limit leaves, but never less than their own share of the room. */
export function evidenceBudget(roomTokens: number, answerTokens: number, policyTokens: number): number {
  return Math.min(policyTokens, Math.max(roomTokens - answerTokens, Math.floor(roomTokens * EVIDENCE_SHARE)));
}

/** Keeps whole passages within a budget: the ones with the lowest scores go first, the others keep their order. */
export function fitPassages(
  passages: readonly Costed[],
  budgetTokens: number,
): { readonly kept: ScoredPassage[]; readonly leftOut: ScoredPassage[] } {
  const worstFirst = [...passages].sort((a, b) => a.passage.score - b.passage.score);
  let total = passages.reduce((sum, { tokens }) => sum + tokens, 0);
  const dropped = new Set<Costed>();
  for (const costed of worstFirst) {
    if (total <= budgetTokens) break;
    total -= costed.tokens;
    dropped.add(costed);
  }
  const where = (isDropped: boolean) =>
    passages.filter((costed) => dropped.has(costed) === isDropped).map(({ passage }) => passage);
  return { kept: where(false), leftOut: where(true) };
}
