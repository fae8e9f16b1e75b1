import { resolveModel } from './resolve.js';
import { runChat, tokensOf } from './run-chat.js';
import { runCompletion } from './run-completion.js';
import type { Pipeline, PipelineServices } from './types.js';

export function createPipeline(services: PipelineServices): Pipeline {
  return {
    chat: (request, signal) => runChat(services, request, signal),
    tokensOf: (request, signal) => tokensOf(services, request, signal),
    checkModel: async (principal, model) => {
      await resolveModel(services, principal, model);
    },
    complete: (request, signal) => runCompletion(services, request, signal),
  };
}
