import { annotate, toCitation, toLeftOut } from './citations.js';
import { recordOf, type Tally, usageOf } from './record.js';
import { openScreen } from './screen.js';
import type {
  AnswerEvent,
  ChatRequest,
  ChoiceEnd,
  CompletionRequest,
  Grounding,
  PipelineServices,
  Prepared,
  Route,
} from './types.js';

/** Of an answer that begins. */
export function openTally(
  services: PipelineServices,
  request: ChatRequest | CompletionRequest,
  route: Route,
  id: string,
  startedMs: number,
): Tally {
  return {
    id,
    requestId: request.requestId,
    tenant: request.principal.tenant,
    keyId: request.principal.keyId,
    user: request.stickiness.user || request.stickiness.safetyIdentifier || null,
    baseDigest: services.engines.base.baseDigest,
    route,
    pair: null,
    screen: openScreen(services, route),
    createdAtMs: services.clock.now(),
    startedMs,
    rounds: [],
    firstTokenAtMs: null,
    lastTokenAtMs: null,
    // Stands when the iteration is ended from outside.
    outcome: 'aborted',
    prepared: null,
    finishReason: null,
    promptTokens: 0,
    cachedTokens: null,
    completionTokens: 0,
    annotations: [],
    text: '',
    timings: null,
    tools: [],
    certainty: null,
    record: null,
    others: [],
  };
}

/** The end of a choice, and what is known of it from then on. */
export function endOf(
  tally: Tally,
  { reason, stopText }: Pick<ChoiceEnd, 'reason' | 'stopText'>,
  grounding: Grounding | null,
): ChoiceEnd {
  tally.annotations = grounding?.annotations ?? [];
  tally.finishReason = reason;
  return { reason, stopText, grounding };
}

/** The answer came to its end. */
export function finish(tally: Tally, end: ChoiceEnd, { clock }: Pick<PipelineServices, 'clock'>): AnswerEvent {
  tally.outcome = 'completed';
  return { type: 'finished', ...end, usage: usageOf(tally), record: recordOf(tally, clock) };
}

/** What of the passages stands in an answer; null where retrieval was off. */
export function ground(text: string, prepared: Prepared, maxTokens: number | null): Grounding | null {
  const { leftOut, passages, retrieved } = prepared;
  if (!retrieved) return null;
  return {
    annotations: annotate(text, passages),
    citations: passages.map(toCitation),
    leftOut: leftOut.map(toLeftOut),
    maxTokens,
  };
}
