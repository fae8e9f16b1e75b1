import type { GenerateRequest } from '../contracts/generator.js';
import type { GrammarSpec } from '../contracts/grammar.js';
import type { Prompt, ToolCall } from '../contracts/prompt.js';
import type { Principal } from '../contracts/registry.js';
import type { AnswerFormat } from '../contracts/tokenizer.js';
import { AppError } from '../errors/app-error.js';
import { marksOf } from './calls/call-parser.js';
import { callGrammar } from './calls/grammar.js';
import { AnswerReader } from './calls/read-answer.js';
import { THOUGHT_TAGS } from './calls/thoughts.js';
import { endOnAbort } from './end-on-abort.js';
import type { Tally } from './record.js';
import { DEFAULT_SAMPLING } from './sampling.js';
import type {
  AnswerEvent,
  ChatRequest,
  ChoiceEnd,
  CompletionRequest,
  OfferedTools,
  PipelineServices,
} from './types.js';

/** One run of the engine within an answer. */
export interface RoundRequest {
  readonly prompt: Prompt;
  /** null: no function may be asked for. */
  readonly toolUse: OfferedTools | null;
  readonly maxTokens: number | null;
  readonly maxTokensYields: boolean;
  /** Sets the round's tokens aside before it begins. */
  readonly reserve: NonNullable<GenerateRequest['reserve']>;
  /** Told, at least once, when the prompt is computed. */
  readonly onPromptRead: () => void;
  readonly search: Extract<AnswerEvent, { type: 'started' }>['search'];
}

/** What a round came to. */
export interface Round {
  readonly reason: ChoiceEnd['reason'];
  readonly stopText: string | null;
  readonly promptTokens: number;
  readonly text: string;
  /** Calls that the gateway is to make; none where the caller is asked for some too. */
  readonly own: readonly ToolCall[];
}

/** Of text that no chat template is around. */
const RAW: AnswerFormat = { calls: null, thoughts: 'none', specials: [] };

/** Generates, screens, and reads what is written. The tally is kept up to date, so that whoever leaves early is metered. */
export async function* generateRound(
  { engines, clock, tokenizer }: PipelineServices,
  request: ChatRequest | CompletionRequest,
  tally: Tally,
  { prompt, toolUse, maxTokens, maxTokensYields, search, reserve, onPromptRead }: RoundRequest,
  signal: AbortSignal,
): AsyncGenerator<AnswerEvent, Round, undefined> {
  const { principal, priority, sampling, stop, topLogprobs } = request;
  const before = { prompt: tally.promptTokens, cached: tally.cachedTokens ?? 0, completion: tally.completionTokens };
  const isFirst = tally.cachedTokens === null;
  const textBefore = tally.text.length;
  let reason: Round['reason'] | 'abort' = 'abort';
  let stopText: string | null = null;
  const output = tally.screen?.output ?? null;
  const format = prompt.kind === 'chat' ? tokenizer.answerFormat() : RAW;
  const reader = new AnswerReader(format, toolUse);
  const round: Tally['rounds'][number] = {
    startedAtMs: clock.monotonicMs(),
    endedAtMs: null,
    timings: null,
    promptTokens: 0,
    cachedTokens: 0,
  };
  tally.rounds.push(round);
  const events = engines.of(tally.route.engine).generate(
    // The id of the answer, not of the request: a client may send the same request id twice.
    {
      requestId: tally.id,
      tenant: tally.tenant,
      audience: audienceOf(principal),
      deployment: tally.route.deployment,
      priority,
      prompt,
      adapter: tally.route.adapter,
      sampling: { ...DEFAULT_SAMPLING, ...sampling },
      maxTokens,
      maxTokensYields,
      stop,
      topLogprobs,
      grammar: grammarOf(format, request, toolUse),
      shown: shownIn(format, toolUse),
      reserve,
    },
    signal,
  );
  for await (const event of endOnAbort(events, signal)) {
    if (event.type === 'started') {
      tally.promptTokens = before.prompt + event.promptTokens;
      tally.cachedTokens = before.cached + event.cachedTokens;
      const { promptTokens, cachedTokens } = event;
      Object.assign(round, { promptTokens, cachedTokens });
      if (isFirst) yield { type: 'started', promptTokens, cachedTokens, search };
    } else if (event.type === 'delta') {
      onPromptRead();
      if (event.tokenCount > 0) {
        tally.lastTokenAtMs = clock.monotonicMs();
        tally.firstTokenAtMs ??= tally.lastTokenAtMs;
      }
      tally.completionTokens += event.tokenCount;
      const passed = output === null ? event.text : await output.push(event.text, signal);
      if (passed !== '' || event.logprobs.length > 0) yield* noted(tally, reader.push(passed, event.logprobs));
      // Leaving the loop frees the slot.
      if (output?.stopped() || reader.isOver) break;
    } else {
      reason = event.reason;
      tally.promptTokens = before.prompt + event.promptTokens;
      tally.completionTokens = before.completion + event.completionTokens;
      tally.timings = event.timings;
      round.timings = event.timings;
      tally.certainty = event.certainty ?? null;
      stopText = event.stopText ?? null;
    }
  }
  round.endedAtMs = clock.monotonicMs();
  signal.throwIfAborted();
  const held = (await output?.end(signal)) ?? '';
  yield* noted(tally, [...reader.push(held, []), ...reader.end()]);
  if (output?.stopped()) reason = 'content_filter';
  else if (reader.isOver || (reason === 'stop' && reader.calls + reader.own.length > 0)) reason = 'tool_calls';
  if (reason === 'abort') {
    throw new AppError('engine_unavailable', { reason: 'it ended the answer early', retryAfterS: 1 });
  }
  return {
    reason,
    stopText,
    promptTokens: tally.promptTokens - before.prompt,
    text: tally.text.slice(textBefore),
    own: reason === 'tool_calls' && reader.calls === 0 ? reader.own : [],
  };
}

/** @throws AppError `invalid_value` for an answer that is to be bound to two things */
function grammarOf(
  { calls }: AnswerFormat,
  { grammar }: ChatRequest | CompletionRequest,
  toolUse: OfferedTools | null,
): GrammarSpec | null {
  const ofCalls = toolUse === null || calls === null ? null : callGrammar(calls, toolUse);
  if (toolUse !== null && grammar !== null) {
    const reason = 'cannot be given beside a form that the answer is bound to. Leave one of them out';
    throw new AppError('invalid_value', { param: 'tools', reason });
  }
  return ofCalls ?? grammar;
}

/** The marks that are read here, and that the vocabulary calls special. */
function shownIn({ calls, thoughts, specials }: AnswerFormat, toolUse: OfferedTools | null): readonly string[] {
  const ofCalls = calls === null || toolUse === null ? [] : marksOf(calls);
  const ofThoughts = thoughts === 'none' ? [] : THOUGHT_TAGS;
  return [...ofCalls, ...ofThoughts].filter((mark) => specials.includes(mark));
}

function noted(tally: Tally, events: AnswerEvent[]): AnswerEvent[] {
  for (const event of events) if (event.type === 'delta') tally.text += event.text;
  return events;
}

/** One name for each set of groups: no group's has a comma in it. */
function audienceOf({ groups }: Principal): string {
  return [...(groups ?? [])].sort().join(',');
}
