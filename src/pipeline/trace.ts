import type { EngineTimings } from '../contracts/generator.js';
import type { AnswerRecord } from '../contracts/registry.js';
import type { SpanAttributes, Trace } from '../contracts/tracing.js';

/** When the stages of an answer were, in milliseconds since the epoch. */
export interface StageTimes {
  /** null: nothing was searched. */
  readonly retrievalEndMs: number | null;
  /** Runs of the engine: several where the deployment's functions were called between them. */
  readonly rounds: readonly {
    readonly startMs: number;
    readonly endMs: number;
    /** null: it ended early. */
    readonly timings: EngineTimings | null;
  }[];
}

/** Outcomes that are no error of anybody. */
const GOOD_ENDS = new Set(['completed', 'refused', 'aborted']);

/**
 * Puts the spans of an answer into the trace of its request: the answer by OpenTelemetry's conventions for generative models, below
 * it the search and the engine's queue, prefill and decode, by the times that their processes measured.
 */
export function traceAnswer(trace: Trace, record: AnswerRecord, times: StageTimes): void {
  const { createdAt, durationMs, outcome, deployment } = record;
  const operation = record.id.startsWith('cmpl-') ? 'text_completion' : 'chat';
  const error = GOOD_ENDS.has(outcome) ? null : outcome;
  const whole = { startMs: createdAt, endMs: createdAt + durationMs, error };
  const answer = trace.add(`${operation} ${deployment}`, { ...whole, attributes: answerAttributes(record, operation) });
  addRetrieval(answer, record, times);
  for (const round of times.rounds) addEngine(answer, round, round.timings === null ? error : null);
}

function answerAttributes(record: AnswerRecord, operation: string): SpanAttributes {
  return {
    'gen_ai.operation.name': operation,
    'gen_ai.provider.name': 'switchyard',
    'gen_ai.request.model': record.deployment,
    'gen_ai.response.model': record.adapter ?? record.deployment,
    'gen_ai.response.id': record.id,
    'gen_ai.response.finish_reasons': record.finishReason === null ? [] : [record.finishReason],
    'gen_ai.usage.input_tokens': record.promptTokens,
    'gen_ai.usage.output_tokens': record.completionTokens,
    'switchyard.tenant': record.tenant,
    'switchyard.deployment.revision': record.deploymentRevision ?? 0,
    'switchyard.arm': record.arm,
    'switchyard.engine': record.engine ?? '',
    'switchyard.adapter.digest': record.adapterDigest ?? '',
    'switchyard.outcome': record.outcome,
    'switchyard.tokens.cached': record.cachedTokens ?? 0,
  };
}

function addRetrieval(answer: Trace, { retrievalMs, passages, storeSnapshot }: AnswerRecord, times: StageTimes): void {
  if (retrievalMs === null || times.retrievalEndMs === null) return;
  answer.add('retrieval', {
    startMs: times.retrievalEndMs - retrievalMs,
    endMs: times.retrievalEndMs,
    attributes: { 'switchyard.passages': passages.length, 'switchyard.store.snapshot': storeSnapshot ?? '' },
    error: null,
  });
}

/** What ended early has no times of its stages: one span says how long the engine was asked. */
function addEngine(
  answer: Trace,
  { startMs, endMs, timings }: StageTimes['rounds'][number],
  error: string | null,
): void {
  const engine = answer.add('engine', { startMs, endMs, attributes: {}, error });
  if (timings === null) return;
  const prefillMs = startMs + timings.queueMs;
  const decodeMs = prefillMs + timings.prefillMs;
  const stage = (name: string, from: number, to: number, attributes: SpanAttributes = {}) =>
    engine.add(name, { startMs: from, endMs: to, attributes, error: null });
  stage('engine queue', startMs, prefillMs, { 'switchyard.adapter.load_ms': timings.adapterLoadMs });
  stage('engine prefill', prefillMs, decodeMs);
  stage('engine decode', decodeMs, decodeMs + timings.decodeMs);
}
