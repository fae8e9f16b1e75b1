/** Answers that no user asked for, so that they are in no quota, record, signal or metric of answers (decision 0121). */
import { randomUUID } from 'node:crypto';
import type { Metrics } from '../metrics/metrics.js';
import { withDeadline } from './deadline.js';
import { generateRound } from './generate-round.js';
import { resolveRoute } from './resolve.js';
import { prepareChat } from './run-chat.js';
import { withDefaults } from './sampling.js';
import { ground, openTally } from './tally.js';
import type { ChatRequest, PipelineServices, TrialAnswer } from './types.js';

/** As a user would be answered, but for functions of the deployment: what they do would be done in earnest. */
export async function runTrial(
  services: PipelineServices,
  asked: Omit<ChatRequest, 'requestId' | 'priority' | 'toolUse'>,
  callerSignal: AbortSignal,
): Promise<TrialAnswer> {
  const id = `trial-${randomUUID().replaceAll('-', '')}`;
  const given = { ...asked, requestId: id, priority: 'batch', toolUse: null } as const;
  const route = { ...(await resolveRoute(services, given)), shadow: null, tools: [] };
  const request = withDefaults(given, route.generation);
  const tally = openTally(services, request, route, id, services.clock.monotonicMs());
  const limited = withDeadline(callerSignal, services.requestTimeoutMs);
  try {
    services.engines.of(route.engine).requireRoom(tally.tenant);
    const unseen = { ...services, metrics: silent(services.metrics) };
    const prepared = await prepareChat(unseen, request, route, tally.screen, limited.signal);
    if (prepared.refusal !== null) return { text: prepared.refusal, citations: [] };
    const round = {
      ...{ prompt: prepared.prompt, toolUse: null, maxTokens: request.maxTokens },
      ...{ maxTokensYields: prepared.maxTokensYields, search: null },
      ...{ reserve: async () => {}, onPromptRead: () => {} },
    };
    for await (const _ of generateRound(unseen, request, tally, round, limited.signal));
    return { text: tally.text, citations: ground(tally.text, prepared, null)?.citations ?? [] };
  } finally {
    limited.release();
  }
}

const silent = (metrics: Metrics): Metrics => ({ ...metrics, add: () => {}, set: () => {}, observe: () => {} });
