import { runAnswer } from './run-answer.js';
import { runChat } from './run-chat.js';
import type { Pipeline, PipelineServices } from './types.js';

export function createPipeline(services: PipelineServices): Pipeline {
  return {
    chat: (request, signal) => runChat(services, request, signal),
    complete: (request, signal) =>
      runAnswer(
        services,
        request,
        'cmpl',
        async () => ({ prompt: request.prompt, passages: [], storeSnapshot: null, retrieved: false }),
        signal,
      ),
  };
}
