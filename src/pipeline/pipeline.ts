import { resolveModel } from './resolve.js';
import { createWaitForRoom } from './room.js';
import { runChat, tokensOf } from './run-chat.js';
import { runCompletion } from './run-completion.js';
import { createShadows } from './shadows.js';
import { runTrial } from './trial.js';
import type { Pipeline, PipelineServices } from './types.js';

export function createPipeline(services: PipelineServices): Pipeline {
  const shadows = createShadows(services);
  const answering = { ...services, copy: shadows.copy, waitForRoom: createWaitForRoom(services) };
  return {
    chat: (request, signal) => runChat(answering, request, signal),
    tokensOf: (request, signal) => tokensOf(services, request, signal),
    async checkModel(principal, model) {
      const route = await resolveModel(services, principal, model);
      return services.engines.of(route.engine).model;
    },
    complete: (request, signal) => runCompletion(answering, request, signal),
    tryOut: (request, signal) => runTrial(services, request, signal),
    close: shadows.close,
  };
}
