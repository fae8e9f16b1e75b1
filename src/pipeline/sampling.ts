import type { SamplingParams } from '../contracts/generator.js';
import type { GenerationDefaults } from '../contracts/registry.js';
import type { ChatRequest, CompletionRequest } from './types.js';

/** What counts where neither the request nor the deployment says anything: the only home of these values. */
export const DEFAULT_SAMPLING: SamplingParams = {
  temperature: 0,
  topP: 1,
  topK: 0,
  minP: 0,
  repetitionPenalty: 1,
  presencePenalty: 0,
  frequencyPenalty: 0,
  seed: null,
  logitBias: {},
};

/** The request with what its deployment says in its place. */
export function withDefaults<R extends ChatRequest | CompletionRequest>(
  request: R,
  { maxTokens, ...sampling }: GenerationDefaults,
): R {
  return {
    ...request,
    sampling: { ...sampling, ...request.sampling },
    maxTokens: request.maxTokens ?? maxTokens ?? null,
  };
}
