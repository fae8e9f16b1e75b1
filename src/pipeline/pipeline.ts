import { runAnswer } from './run-answer.js';
import { runChat, ungrounded } from './run-chat.js';
import type { Pipeline, PipelineServices } from './types.js';

export function createPipeline(services: PipelineServices): Pipeline {
  return {
    chat: (request, signal) => runChat(services, request, signal),
    complete: (request, signal) => runAnswer(services, request, 'cmpl', async () => ungrounded(request.prompt), signal),
  };
}
