import type { Clock } from '../contracts/clock.js';
import type { Certainty, EngineTimings } from '../contracts/generator.js';
import type { ToolRun } from '../contracts/http-tools.js';
import type { AnswerTexts } from '../contracts/judge.js';
import type { AnswerRecord, GivenPassage } from '../contracts/registry.js';
import type { ScoredPassage } from '../contracts/retrieval.js';
import type { SafetyDecision, Screen } from '../contracts/safety.js';
import { answerLabels } from '../metrics/answer-labels.js';
import { currentTrace, sampledId } from '../tracing/current.js';
import type { CitationAnnotation } from './citations.js';
import { passageTitle, promptDigest } from './prompt.js';
import { type StageTimes, traceAnswer } from './trace.js';
import type { PipelineServices, Prepared, Route } from './types.js';

/** What is known of an answer so far; `recordAnswer` writes it down however the answer ended. */
export interface Tally {
  readonly id: string;
  readonly requestId: string;
  readonly tenant: string;
  readonly keyId: string;
  /** As the client names its users. */
  readonly user: string | null;
  readonly baseDigest: string;
  readonly route: Route;
  /** As the record's. */
  pair: string | null;
  /** null: no policy. */
  readonly screen: Screen | null;
  readonly createdAtMs: number;
  /** Of the monotonic clock, like the two below it. */
  readonly startedMs: number;
  /** Runs of the engine, by the monotonic clock; null: it did not end, or told no times. */
  readonly rounds: {
    readonly startedAtMs: number;
    endedAtMs: number | null;
    timings: EngineTimings | null;
    promptTokens: number;
    cachedTokens: number;
  }[];
  firstTokenAtMs: number | null;
  lastTokenAtMs: number | null;
  /** `completed`, `aborted`, or the code of an error. */
  outcome: string;
  prepared: Prepared | null;
  finishReason: AnswerRecord['finishReason'];
  promptTokens: number;
  cachedTokens: number | null;
  completionTokens: number;
  annotations: readonly CitationAnnotation[];
  /** What was written so far. */
  text: string;
  timings: EngineTimings | null;
  /** Calls that the gateway made. */
  readonly tools: ToolRun[];
  /** Once it is written. */
  record: AnswerRecord | null;
  certainty: Certainty | null;
  /** Of further choices beside this one, which stands for all of them where one text is asked for. */
  readonly others: Tally[];
}

/** What all choices took: the prompt that they share counts once. */
export function usageOf({ others, promptTokens, cachedTokens, completionTokens }: Tally) {
  const usage = { promptTokens, cachedTokens: cachedTokens ?? 0, completionTokens };
  for (const { rounds, ...other } of others) {
    usage.promptTokens += other.promptTokens - (rounds[0]?.promptTokens ?? 0);
    usage.cachedTokens += (other.cachedTokens ?? 0) - (rounds[0]?.cachedTokens ?? 0);
    usage.completionTokens += other.completionTokens;
  }
  return usage;
}

/** Meters the answer at once and stores its record; a store that fails does not take the answer back. Never rejects. */
export function recordAnswer(services: PipelineServices, tally: Tally): Promise<void> {
  const record = recordOf(tally, services.clock);
  const trace = currentTrace();
  measure(services.metrics, tally, record, trace === null ? undefined : sampledId(trace));
  if (trace !== null) traceAnswer(trace, record, timesOf(tally, record));
  return keepAnswer(services, tally);
}

/** Judges the answer and stores its record. Never rejects. */
export function keepAnswer(
  { registry, clock, judge, capture, onRecordFailed }: PipelineServices,
  tally: Tally,
): Promise<void> {
  const record = recordOf(tally, clock);
  // What a policy says in an answer's place is no version's work, what asks for calls is no answer yet, and what functions
  // said is no passage that an answer could be measured by.
  const { finishReason } = record;
  const isAnswer = finishReason !== 'content_filter' && finishReason !== 'tool_calls' && tally.tools.length === 0;
  if (record.outcome === 'completed' && isAnswer) {
    const texts = toTexts(tally);
    judge(record, texts);
    capture(record, texts, tally.user);
  }
  return registry.recordAnswer(record, tally.user).catch(failureOf(tally.id, onRecordFailed));
}

/** Apart, so that what waits for the disk holds on to nothing else of a request that is over (decision 0112). */
function failureOf(id: string, onRecordFailed: PipelineServices['onRecordFailed']): (error: unknown) => void {
  return (error) => onRecordFailed(error, id);
}

/** Of the wall clock. What ended early ended with its answer. */
function timesOf(tally: Tally, { durationMs }: AnswerRecord): StageTimes {
  const { prepared, createdAtMs, startedMs } = tally;
  const toWall = (ms: number) => createdAtMs + ms - startedMs;
  const retrievedAtMs = prepared?.retrievedAtMs ?? null;
  return {
    retrievalEndMs: retrievedAtMs === null ? null : toWall(retrievedAtMs),
    rounds: choicesOf(tally)
      .flatMap(({ rounds }) => rounds)
      .map(({ startedAtMs, endedAtMs, timings }) => ({
        startMs: toWall(startedAtMs),
        endMs: toWall(endedAtMs ?? startedMs + durationMs),
        timings,
      })),
  };
}

/** The record, as of the first time that it is asked for: an answer that ended does not change. */
export function recordOf(tally: Tally, { monotonicMs }: Pick<Clock, 'monotonicMs'>): AnswerRecord {
  tally.record ??= toRecord(tally, monotonicMs());
  return tally.record;
}

function toRecord(tally: Tally, endedMs: number): AnswerRecord {
  const { adapter, arm, assignedBy, deployment, engine, policy, revision } = tally.route;
  const { prepared, timings } = tally;
  const usage = usageOf(tally);
  return {
    id: tally.id,
    requestId: tally.requestId,
    tenant: tally.tenant,
    keyId: tally.keyId,
    deployment,
    adapter: adapter === null ? null : `${adapter.name}@${adapter.version}`,
    adapterDigest: adapter?.digest ?? null,
    baseDigest: tally.baseDigest,
    promptDigest: promptDigest(tally.route.instructions),
    engine,
    version: adapter?.version ?? null,
    arm,
    assignedBy,
    pair: tally.pair,
    deploymentRevision: revision,
    outcome: tally.outcome,
    finishReason: tally.finishReason,
    passages: prepared?.passages.map(({ passage }) => toGiven(passage)) ?? [],
    storeSnapshot: prepared?.storeSnapshot ?? null,
    safety: policy && { policy: `${policy.name}@${policy.revision}`, decisions: decisionsOf(tally) },
    tools: choicesOf(tally).flatMap(({ tools }) => tools),
    promptTokens: usage.promptTokens,
    cachedTokens: tally.cachedTokens === null ? null : usage.cachedTokens,
    completionTokens: usage.completionTokens,
    durationMs: endedMs - tally.startedMs,
    firstTokenMs: tally.firstTokenAtMs === null ? null : tally.firstTokenAtMs - tally.startedMs,
    queueMs: timings?.queueMs ?? null,
    retrievalMs: prepared?.retrievalMs ?? null,
    prefillMs: timings?.prefillMs ?? null,
    decodeMs: timings?.decodeMs ?? null,
    createdAt: tally.createdAtMs,
  };
}

const choicesOf = (tally: Tally): readonly Tally[] => [tally, ...tally.others];

/** Of all choices, each decision once with how often it was made. */
function decisionsOf(tally: Tally): SafetyDecision[] {
  const sums = new Map<string, SafetyDecision>();
  for (const decision of choicesOf(tally).flatMap(({ screen }) => screen!.decisions())) {
    const { count: _, ...what } = decision;
    const key = JSON.stringify(what);
    sums.set(key, { ...decision, count: (sums.get(key)?.count ?? 0) + decision.count });
  }
  return [...sums.values()];
}

function toGiven({ id, score, fileId, byteStart, byteEnd }: ScoredPassage): GivenPassage {
  return { id, score, fileId, byteStart, byteEnd };
}

function toTexts({ prepared, text, annotations, certainty }: Tally): AnswerTexts {
  const passages = prepared?.passages ?? [];
  return {
    question: prepared?.question ?? '',
    answer: text,
    passages: passages.map(({ passage }) => ({ title: passageTitle(passage), text: passage.text })),
    marks: annotations.map(({ url_citation: { start_index: start, end_index: end } }) => {
      const number = Number(text.slice(start + 1, end - 1));
      return { start, end, passage: passages.findIndex((passage) => passage.number === number) };
    }),
    logprobs: certainty,
  };
}

function measure(
  metrics: PipelineServices['metrics'],
  tally: Tally,
  record: AnswerRecord,
  traceId: string | undefined,
): void {
  const labels = answerLabels(record);
  const { tenant, deployment, adapter, arm } = labels;
  metrics.add('requests_total', { tenant, deployment, adapter, arm, outcome: record.outcome });
  metrics.observe('request_duration_seconds', labels, record.durationMs / 1000, traceId);
  metrics.add('tokens_total', { tenant, deployment, adapter, arm, direction: 'prompt' }, record.promptTokens);
  metrics.add('tokens_total', { tenant, deployment, adapter, arm, direction: 'completion' }, record.completionTokens);
  metrics.add('answer_citations_total', labels, tally.annotations.length);
  for (const { stage, kind, action, count } of record.safety?.decisions ?? []) {
    metrics.add('safety_decisions_total', { tenant, deployment, stage, kind, action }, count);
  }
  if (record.firstTokenMs !== null) {
    metrics.observe('time_to_first_token_seconds', labels, record.firstTokenMs / 1000, traceId);
  }
  if (tally.lastTokenAtMs !== null && tally.firstTokenAtMs !== null && tally.completionTokens > 1) {
    const perTokenMs = (tally.lastTokenAtMs - tally.firstTokenAtMs) / (tally.completionTokens - 1);
    metrics.observe('time_per_output_token_seconds', labels, perTokenMs / 1000);
  }
  if (tally.timings !== null) {
    metrics.observe('queue_duration_seconds', labels, tally.timings.queueMs / 1000);
    metrics.observe('prefill_duration_seconds', labels, tally.timings.prefillMs / 1000);
    metrics.observe('decode_duration_seconds', labels, tally.timings.decodeMs / 1000);
  }
}
