import { runChat } from './run-chat.js';
import { runCompletion } from './run-completion.js';
import type { Pipeline, PipelineServices } from './types.js';

export function createPipeline(services: PipelineServices): Pipeline {
  return {
    chat: (request, signal) => runChat(services, request, signal),
    complete: (request, signal) => runCompletion(services, request, signal),
  };
}
