/** What every engine does with a request before it is queued: its prompt as tokens, and all that can be wrong with it. */
import type { EngineModel, GenerateRequest, TokenEvent } from '../contracts/generator.js';
import type { Tokenizer } from '../contracts/tokenizer.js';
import { AppError } from '../errors/app-error.js';

export interface TokenizedPrompt {
  readonly promptIds: Int32Array;
  /** Where each passage begins, and where the last one ends; empty where all is read in order. */
  readonly passages: readonly number[];
  /** Tokens that the answer may have: as asked for, or as many as the context leaves. */
  readonly maxTokens: number;
}

/** The end of a request that was aborted before anything was computed of it. */
export const NEVER_BEGUN: TokenEvent = {
  type: 'finished',
  reason: 'abort',
  promptTokens: 0,
  completionTokens: 0,
  timings: { queueMs: 0, prefillMs: 0, decodeMs: 0, firstTokenMs: null, adapterLoadMs: 0 },
};

/**
 * @throws AppError `context_length_exceeded`, `invalid_value` for token ids that the model does not have and for an empty
 *   prompt, and what the tokenizer and `request.reserve` throw
 */
export async function tokenizePrompt(
  request: GenerateRequest,
  { contextTokens, vocabSize }: EngineModel,
  tokenizer: Tokenizer,
  signal: AbortSignal,
): Promise<TokenizedPrompt> {
  const { maxTokensYields, prompt, sampling, tenant } = request;
  const wanted = maxTokensYields ? 1 : (request.maxTokens ?? 1);
  const tooLong = (promptTokens: number | string) =>
    new AppError('context_length_exceeded', { promptTokens, maxTokens: wanted, contextTokens });
  const least = tokenizer.leastTokens(prompt, contextTokens);
  if (least > contextTokens) throw tooLong(`at least ${least}`);

  const known = (id: number) => Number.isInteger(id) && id >= 0 && id < vocabSize;
  const reason = `token ids are 0 to ${vocabSize - 1}`;
  if (prompt.kind === 'tokens' && !prompt.ids.every(known)) {
    throw new AppError('invalid_value', { param: 'prompt', reason });
  }
  if (!Object.keys(sampling.logitBias).map(Number).every(known)) {
    throw new AppError('invalid_value', { param: 'logit_bias', reason });
  }
  const { ids: promptIds, passages } = await tokenizer.encodeParts(prompt, { tenant, signal });
  if (promptIds.length + wanted > contextTokens) throw tooLong(promptIds.length);
  if (promptIds.length === 0) throw new AppError('invalid_value', { param: 'prompt', reason: 'must not be empty' });
  const left = contextTokens - promptIds.length;
  const maxTokens = Math.min(request.maxTokens ?? left, left);
  await request.reserve?.(promptIds.length, maxTokens);
  return { promptIds, passages, maxTokens };
}
