import { randomUUID } from 'node:crypto';
import type { GrammarSpec } from '../contracts/grammar.js';
import type { Charge } from '../contracts/quota.js';
import type { Principal } from '../contracts/registry.js';
import type { Screen } from '../contracts/safety.js';
import type { AnswerFormat } from '../contracts/tokenizer.js';
import { AppError } from '../errors/app-error.js';
import { callGrammar } from './calls/grammar.js';
import { AnswerReader } from './calls/read-answer.js';
import { annotate, toCitation, toLeftOut } from './citations.js';
import { endOnAbort } from './end-on-abort.js';
import { recordAnswer, recordOf, type Tally } from './record.js';
import { resolveRoute } from './resolve.js';
import { checkLogprobs, openScreen } from './screen.js';
import type {
  AnswerEvent,
  ChatRequest,
  CompletionRequest,
  Grounding,
  PipelineServices,
  Prepared,
  Route,
  ToolUse,
} from './types.js';

/** Of text that no chat template is around. */
const RAW: AnswerFormat = { calls: null, thoughts: 'none' };

/** Turns the request into a prompt, once it is known who answers. */
export type Prepare = (route: Route, screen: Screen | null, signal: AbortSignal) => Promise<Prepared>;

/** The way of every answer: resolve, screen, prepare, generate, screen again, cite; and record, however it ends. */
export async function* runAnswer(
  services: PipelineServices,
  request: ChatRequest | CompletionRequest,
  idPrefix: string,
  prepare: Prepare,
  callerSignal: AbortSignal,
): AsyncGenerator<AnswerEvent, void, undefined> {
  const startedMs = services.clock.monotonicMs();
  const route = await resolveRoute(services, request);
  const id = request.answerId ?? `${idPrefix}-${randomUUID().replaceAll('-', '')}`;
  const tally = openTally(services, request, route, id, startedMs);
  const charge = await services.quota.open(request.principal, tally.createdAtMs);
  const limited = withDeadline(callerSignal, services.requestTimeoutMs);
  try {
    yield { type: 'routed', id: tally.id, createdAtMs: tally.createdAtMs, route };
    checkLogprobs(tally.screen, request);
    const prepared = await prepare(route, tally.screen, limited.signal);
    tally.prepared = prepared;
    if (prepared.refusal !== null) yield* refuse(services, tally, prepared.refusal);
    else yield* generate(services, request, tally, prepared, charge, limited.signal);
  } catch (error) {
    // After an abort its reason tells what happened; without one of ours the caller is gone, and so is our listener.
    const cause = limited.signal.aborted ? limited.signal.reason : error;
    if (limited.signal.aborted && !(cause instanceof AppError)) return;
    tally.outcome = cause instanceof AppError ? cause.code : 'internal';
    throw cause;
  } finally {
    limited.release();
    charge.settle(tally.promptTokens + tally.completionTokens);
    // Not awaited: a client waits for its answer, not for the disk (decision 0023).
    void recordAnswer(services, tally);
  }
}

/** The policy's answer in the place of the model's. */
function* refuse({ clock }: PipelineServices, tally: Tally, text: string): Generator<AnswerEvent, void, undefined> {
  tally.outcome = 'refused';
  tally.finishReason = 'content_filter';
  tally.text = text;
  yield { type: 'started', promptTokens: 0, cachedTokens: 0, search: null };
  yield { type: 'delta', text, logprobs: [] };
  const usage = { promptTokens: 0, cachedTokens: 0, completionTokens: 0 };
  const record = recordOf(tally, clock);
  yield { type: 'finished', reason: 'content_filter', stopText: null, usage, grounding: null, record };
}

async function* generate(
  { engine, clock, tokenizer }: PipelineServices,
  request: ChatRequest | CompletionRequest,
  tally: Tally,
  prepared: Prepared,
  charge: Charge,
  signal: AbortSignal,
): AsyncGenerator<AnswerEvent, void, undefined> {
  const { principal, priority, sampling, maxTokens, stop, topLogprobs } = request;
  const { adapter } = tally.route;
  let reason: Extract<AnswerEvent, { type: 'finished' }>['reason'] | 'abort' = 'abort';
  let stopText: string | null = null;
  const output = tally.screen?.output ?? null;
  const { prompt, toolUse } = prepared;
  const format = prompt.kind === 'chat' ? tokenizer.answerFormat() : RAW;
  const reader = new AnswerReader(format, toolUse);
  const events = engine.generate(
    // The id of the answer, not of the request: a client may send the same request id twice.
    {
      requestId: tally.id,
      tenant: tally.tenant,
      audience: audienceOf(principal),
      priority,
      prompt,
      adapter,
      sampling,
      maxTokens,
      maxTokensYields: prepared.maxTokensYields,
      stop,
      topLogprobs,
      grammar: grammarOf(format, request, toolUse),
      reserve: charge.reserve,
    },
    signal,
  );
  for await (const event of endOnAbort(events, signal)) {
    if (event.type === 'started') {
      tally.promptTokens = event.promptTokens;
      tally.cachedTokens = event.cachedTokens;
      const { promptTokens, cachedTokens } = event;
      yield { type: 'started', promptTokens, cachedTokens, search: searchOf(prepared) };
    } else if (event.type === 'delta') {
      if (event.tokenCount > 0) {
        tally.lastTokenAtMs = clock.monotonicMs();
        tally.firstTokenAtMs ??= tally.lastTokenAtMs;
      }
      tally.completionTokens += event.tokenCount;
      const passed = output === null ? event.text : output.push(event.text);
      if (passed !== '' || event.logprobs.length > 0) yield* noted(tally, reader.push(passed, event.logprobs));
      // Leaving the loop frees the slot.
      if (output?.stopped || reader.isOver) break;
    } else {
      reason = event.reason;
      tally.promptTokens = event.promptTokens;
      tally.completionTokens = event.completionTokens;
      tally.timings = event.timings;
      tally.certainty = event.certainty ?? null;
      stopText = event.stopText ?? null;
    }
  }
  signal.throwIfAborted();
  const held = output?.end() ?? '';
  yield* noted(tally, [...reader.push(held, []), ...reader.end()]);
  if (output?.stopped) reason = 'content_filter';
  else if (reader.isOver || (reason === 'stop' && reader.calls > 0)) reason = 'tool_calls';
  if (reason === 'abort') {
    throw new AppError('engine_unavailable', { reason: 'it ended the answer early', retryAfterS: 1 });
  }
  const leftTokens = engine.model.contextTokens - tally.promptTokens;
  const grounding = ground(tally.text, prepared, maxTokens !== null && maxTokens > leftTokens ? leftTokens : null);
  tally.annotations = grounding?.annotations ?? [];
  tally.outcome = 'completed';
  tally.finishReason = reason;
  yield {
    type: 'finished',
    reason,
    stopText,
    usage: {
      promptTokens: tally.promptTokens,
      cachedTokens: tally.cachedTokens ?? 0,
      completionTokens: tally.completionTokens,
    },
    grounding,
    record: recordOf(tally, clock),
  };
}

/** @throws AppError `invalid_value` for an answer that is to be bound to two things */
function grammarOf(
  { calls }: AnswerFormat,
  { grammar }: ChatRequest | CompletionRequest,
  toolUse: ToolUse | null,
): GrammarSpec | null {
  const ofCalls = toolUse === null || calls === null ? null : callGrammar(calls, toolUse);
  if (toolUse !== null && grammar !== null) {
    const reason = 'cannot be given beside a form that the answer is bound to. Leave one of them out';
    throw new AppError('invalid_value', { param: 'tools', reason });
  }
  return ofCalls ?? grammar;
}

function noted(tally: Tally, events: AnswerEvent[]): AnswerEvent[] {
  for (const event of events) if (event.type === 'delta') tally.text += event.text;
  return events;
}

/** One name for each set of groups: no group's has a comma in it. */
function audienceOf({ groups }: Principal): string {
  return [...(groups ?? [])].sort().join(',');
}

function searchOf({ retrieved, question, passages, leftOut }: Prepared) {
  return retrieved ? { query: question, passages: [...passages.map(({ passage }) => passage), ...leftOut] } : null;
}

function ground(text: string, prepared: Prepared, maxTokens: number | null): Grounding | null {
  const { leftOut, passages, retrieved } = prepared;
  if (!retrieved) return null;
  return {
    annotations: annotate(text, passages),
    citations: passages.map(toCitation),
    leftOut: leftOut.map(toLeftOut),
    maxTokens,
  };
}

function openTally(
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
    baseDigest: services.engine.model.baseDigest,
    route,
    screen: openScreen(services, route),
    createdAtMs: services.clock.now(),
    startedMs,
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
    certainty: null,
    record: null,
  };
}

/** The caller's signal with a deadline; `release` must be called, or the timer outlives the answer. */
function withDeadline(caller: AbortSignal, limitMs: number): { signal: AbortSignal; release: () => void } {
  const controller = new AbortController();
  const follow = () => controller.abort(caller.reason);
  if (caller.aborted) follow();
  caller.addEventListener('abort', follow, { once: true });
  const timer = setTimeout(() => controller.abort(new AppError('deadline_exceeded', { limitMs })), limitMs);
  return {
    signal: controller.signal,
    release: () => {
      clearTimeout(timer);
      caller.removeEventListener('abort', follow);
    },
  };
}
