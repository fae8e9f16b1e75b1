import type { EngineTimings } from '../contracts/generator.js';
import type { AnswerRecord } from '../contracts/registry.js';
import type { Screen } from '../contracts/safety.js';
import type { AnswerLabels } from '../metrics/table.js';
import type { PipelineServices, Prepared, Route } from './types.js';

/** What is known of an answer so far; `recordAnswer` writes it down however the answer ended. */
export interface Tally {
  readonly id: string;
  readonly requestId: string;
  readonly tenant: string;
  readonly keyId: string;
  readonly route: Route;
  /** null: no policy. */
  readonly screen: Screen | null;
  readonly createdAtMs: number;
  /** Of the monotonic clock, like the two below it. */
  readonly startedMs: number;
  firstTokenAtMs: number | null;
  lastTokenAtMs: number | null;
  /** `completed`, `aborted`, or the code of an error. */
  outcome: string;
  prepared: Prepared | null;
  promptTokens: number;
  completionTokens: number;
  citations: number;
  timings: EngineTimings | null;
}

/** Labels for the metrics of an answer. */
export function answerLabels(answer: Pick<AnswerRecord, 'tenant' | 'deployment' | 'adapter' | 'arm'>): AnswerLabels {
  return {
    tenant: answer.tenant,
    deployment: answer.deployment,
    adapter: answer.adapter ?? 'none',
    arm: answer.arm,
  };
}

/** Meters the answer at once and stores its record; a store that fails does not take the answer back. Never rejects. */
export async function recordAnswer(
  { metrics, registry, clock, onRecordFailed }: PipelineServices,
  tally: Tally,
): Promise<void> {
  const record = toRecord(tally, clock.monotonicMs());
  measure(metrics, tally, record);
  try {
    await registry.recordAnswer(record);
  } catch (error) {
    onRecordFailed(error, tally.id);
  }
}

function toRecord(tally: Tally, endedMs: number): AnswerRecord {
  const { adapter, arm, deployment, policy } = tally.route;
  return {
    id: tally.id,
    requestId: tally.requestId,
    tenant: tally.tenant,
    keyId: tally.keyId,
    deployment,
    adapter: adapter === null ? null : `${adapter.name}@${adapter.version}`,
    adapterDigest: adapter?.digest ?? null,
    arm,
    outcome: tally.outcome,
    passages: tally.prepared?.passages.map(({ passage: { id, score } }) => ({ id, score })) ?? [],
    storeSnapshot: tally.prepared?.storeSnapshot ?? null,
    safety: policy && { policy: `${policy.name}@${policy.revision}`, decisions: tally.screen!.decisions() },
    promptTokens: tally.promptTokens,
    completionTokens: tally.completionTokens,
    durationMs: endedMs - tally.startedMs,
    firstTokenMs: tally.firstTokenAtMs === null ? null : tally.firstTokenAtMs - tally.startedMs,
    createdAt: tally.createdAtMs,
  };
}

function measure(metrics: PipelineServices['metrics'], tally: Tally, record: AnswerRecord): void {
  const labels = answerLabels(record);
  metrics.add('requests_total', { ...labels, outcome: record.outcome });
  metrics.observe('request_duration_seconds', labels, record.durationMs / 1000);
  metrics.add('tokens_total', { ...labels, direction: 'prompt' }, record.promptTokens);
  metrics.add('tokens_total', { ...labels, direction: 'completion' }, record.completionTokens);
  metrics.add('answer_citations_total', labels, tally.citations);
  const { tenant, deployment } = labels;
  for (const { stage, kind, action, count } of record.safety?.decisions ?? []) {
    metrics.add('safety_decisions_total', { tenant, deployment, stage, kind, action }, count);
  }
  if (record.firstTokenMs !== null) {
    metrics.observe('time_to_first_token_seconds', labels, record.firstTokenMs / 1000);
  }
  if (tally.lastTokenAtMs !== null && tally.firstTokenAtMs !== null && record.completionTokens > 1) {
    const perTokenMs = (tally.lastTokenAtMs - tally.firstTokenAtMs) / (record.completionTokens - 1);
    metrics.observe('time_per_output_token_seconds', labels, perTokenMs / 1000);
  }
  if (tally.timings !== null) {
    metrics.observe('queue_duration_seconds', labels, tally.timings.queueMs / 1000);
    metrics.observe('prefill_duration_seconds', labels, tally.timings.prefillMs / 1000);
    metrics.observe('decode_duration_seconds', labels, tally.timings.decodeMs / 1000);
  }
}
