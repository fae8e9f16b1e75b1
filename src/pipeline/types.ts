/** What the pipeline takes, what it emits, and what it needs. Types only. */
import type { CaptureAnswer } from '../contracts/captures.js';
import type { Clock } from '../contracts/clock.js';
import type { Engines, FinishReason, GeneratedToken, Priority, SamplingParams } from '../contracts/generator.js';
import type { GrammarSpec } from '../contracts/grammar.js';
import type { HttpTool, ToolCaller } from '../contracts/http-tools.js';
import type { JudgeAnswer } from '../contracts/judge.js';
import type { ChatMessage, Prompt, ToolDefinition } from '../contracts/prompt.js';
import type { Quota } from '../contracts/quota.js';
import type {
  AdapterVersion,
  AnswerRecord,
  Arm,
  AssignedBy,
  GenerationDefaults,
  Principal,
  Registry,
  RetrievalPolicy,
} from '../contracts/registry.js';
import type { Retrieval, ScoredPassage, SearchFilter, SearchMode } from '../contracts/retrieval.js';
import type { AssignArm, RouteOverride, StickinessHints, StickyUnit } from '../contracts/routing.js';
import type { Safety, SafetyPolicy } from '../contracts/safety.js';
import type { Tokenizer } from '../contracts/tokenizer.js';
import type { Metrics } from '../metrics/metrics.js';
import type { Citation, CitationAnnotation, LeftOut } from './citations.js';
import type { Numbered } from './prompt.js';

/** A request's own wishes over the retrieval policy of its deployment; null keeps the policy's. */
export interface RetrievalOverride {
  readonly enabled: boolean;
  /** None: those of the deployment. */
  readonly storeIds: readonly string[];
  /** null, here and below: as the deployment has it. */
  readonly mode: SearchMode | null;
  /** null: none. */
  readonly filter: SearchFilter | null;
  readonly topK: number | null;
  readonly minScore: number | null;
  readonly diversity: number | null;
}

interface AnswerRequest {
  readonly requestId: string;
  /** Of the answer, where the caller has one for it already; unlike any other. */
  readonly answerId?: string;
  readonly principal: Principal;
  /** A deployment, `deployment@version`, `deployment@alias`, or the base model's id. */
  readonly model: string;
  readonly override: RouteOverride;
  readonly stickiness: StickinessHints;
  readonly priority: Priority;
  /** What is left out is the deployment's, else as `DEFAULT_SAMPLING` has it; `maxTokens` null likewise, else what the context leaves. */
  readonly sampling: Partial<SamplingParams>;
  readonly maxTokens: number | null;
  readonly stop: readonly string[];
  readonly topLogprobs: number | null;
  /** What the answer is bound to; null = nothing. */
  readonly grammar: GrammarSpec | null;
  /** How many answers are given to the one prompt; left out: one. */
  readonly choices?: number;
}

/** Functions that the caller runs, and how far the answer may ask for them. */
export interface ToolUse {
  readonly tools: readonly ToolDefinition[];
  /** `required`: at least one; a name: that one and no other. */
  readonly choice: 'auto' | 'none' | 'required' | { readonly name: string };
  /** Whether one answer may ask for several calls. */
  readonly parallel: boolean;
}

/** What the model may ask for. */
export interface OfferedTools extends Omit<ToolUse, 'choice'> {
  readonly choice: Exclude<ToolUse['choice'], 'none'>;
  /** Those of `tools` that the gateway calls itself. */
  readonly own: ReadonlyMap<string, HttpTool>;
}

export interface ChatRequest extends AnswerRequest {
  /** In order; system messages anywhere become part of the one system message. */
  readonly messages: readonly ChatMessage[];
  readonly retrieval: RetrievalOverride | null;
  /** null: the caller offers none. */
  readonly toolUse: ToolUse | null;
  /** Switches of the base's chat template; none where it is left out. */
  readonly templateFlags?: Readonly<Record<string, boolean>>;
}

/** Of a chat, what its prompt is made from. */
export type ChatPrompt = Pick<ChatRequest, 'principal' | 'model' | 'messages' | 'toolUse' | 'templateFlags'>;

export interface CompletionRequest extends AnswerRequest {
  readonly prompt: Exclude<Prompt, { kind: 'chat' }>;
  /** Passages beside the files of an infill; null and not enabled: none. */
  readonly retrieval: RetrievalOverride | null;
}

/** Who answers. */
export interface Route {
  /** Name for the response: a deployment with its version, or the base model. */
  readonly model: string;
  readonly deployment: string;
  /** Its name. */
  readonly engine: string;
  readonly adapter: AdapterVersion | null;
  readonly arm: Arm;
  readonly assignedBy: AssignedBy;
  /** The canary that may answer the same question again, seen by nobody; null: none. */
  readonly shadow: { readonly adapter: string; readonly version: number; readonly weight: number } | null;
  /** Of the deployment; null: the base model itself. */
  readonly revision: number | null;
  readonly instructions: string;
  readonly retrieval: RetrievalPolicy;
  readonly generation: GenerationDefaults;
  /** Functions that the gateway calls. */
  readonly tools: readonly HttpTool[];
  /** null: nothing is screened. */
  readonly policy: SafetyPolicy | null;
}

interface Usage {
  readonly promptTokens: number;
  /** Of the prompt, found in the prefix cache. */
  readonly cachedTokens: number;
  readonly completionTokens: number;
}

/** What retrieval gave to an answer; null where it was off. */
export interface Grounding {
  readonly annotations: readonly CitationAnnotation[];
  readonly citations: readonly Citation[];
  /** Found, but there was no room for it. */
  readonly leftOut: readonly LeftOut[];
  /** What the answer's limit was lowered to, so that passages found room; null where it was not. */
  readonly maxTokens: number | null;
}

/** Of several choices: which one it is of. The first where it is left out. */
interface OfChoice {
  readonly choice?: number;
}

/** How one choice ended. */
export interface ChoiceEnd {
  /** `content_filter`: a safety policy refused the request, or ended the answer. */
  readonly reason: Exclude<FinishReason, 'abort'> | 'tool_calls' | 'content_filter';
  /** The stop text that ended it; null: none, or it is not known. */
  readonly stopText: string | null;
  readonly grounding: Grounding | null;
}

/**
 * Events of one answer, in order: `routed`, `started`, any number of `reasoning`, `delta`, `tool_call` and `tool_arguments`, one
 * `finished`. A refusal is text whose reason is `content_filter`. Those of several choices come mixed, and each choice
 * ends with `choice_finished`.
 */
export type AnswerEvent =
  | { readonly type: 'routed'; readonly id: string; readonly createdAtMs: number; readonly route: Route }
  | {
      readonly type: 'started';
      readonly promptTokens: number;
      readonly cachedTokens: number;
      /** What was looked for, and what was found, best first; null where nothing was. */
      readonly search: { readonly query: string; readonly passages: readonly ScoredPassage[] } | null;
    }
  | ({ readonly type: 'delta'; readonly text: string; readonly logprobs: readonly GeneratedToken[] } & OfChoice)
  /** What a reasoning model thinks before it answers; no part of the answer. */
  | ({ readonly type: 'reasoning'; readonly text: string } & OfChoice)
  /** A call begins, and its arguments follow; the first has the index 0. */
  | ({ readonly type: 'tool_call'; readonly index: number; readonly id: string; readonly name: string } & OfChoice)
  | ({ readonly type: 'tool_arguments'; readonly index: number; readonly text: string } & OfChoice)
  | ({ readonly type: 'choice_finished' } & Required<OfChoice> & ChoiceEnd)
  /** How the first choice ended, and what all of them took. */
  | ({
      readonly type: 'finished';
      readonly usage: Usage;
      /** As it is kept. */
      readonly record: AnswerRecord;
    } & ChoiceEnd);

/** What was answered to a trial. */
export interface TrialAnswer {
  /** Where a safety policy refused, what it says instead. */
  readonly text: string;
  /** Of all passages that were given. */
  readonly citations: readonly Citation[];
}

export interface Pipeline {
  /**
   * Answers a chat. Aborting `signal` ends the events quietly within one step of the engine, or with the signal's
   * reason where that is an AppError. However the answer ends, it is metered, and its record is under way,
   * before the iteration ends.
   * @throws AppError `model_not_found`, `deadline_exceeded`, and whatever registry, quota, retrieval and engine throw
   */
  chat(request: ChatRequest, signal: AbortSignal): AsyncIterable<AnswerEvent>;
  /** The same for raw prompts: no template, no instructions; passages only where the request asks for them. */
  complete(request: CompletionRequest, signal: AbortSignal): AsyncIterable<AnswerEvent>;
  /**
   * The tokens of a chat as the engine would be given it, without passages.
   * @throws AppError `model_not_found`, and what the tokenizer throws
   */
  tokensOf(request: ChatPrompt, signal: AbortSignal): Promise<Int32Array>;
  /** @returns tokens that it holds of a prompt with its answer. @throws AppError `model_not_found` where there is no such model for the caller */
  checkModel(principal: Principal, model: string): Promise<{ readonly contextTokens: number }>;
  /**
   * What a version answers, for who measures it, with what others leave of the engine: as `chat`, but it counts against no quota, is neither
   * recorded nor judged nor metered, no canary answers it too, and no function is called.
   * @throws the signal's reason, AppError `model_not_found`, and whatever registry, retrieval and engine throw
   */
  tryOut(request: Omit<ChatRequest, 'requestId' | 'priority' | 'toolUse'>, signal: AbortSignal): Promise<TrialAnswer>;
  /** Ends what nobody waits for. */
  close(): Promise<void>;
}

export interface PipelineServices {
  readonly engines: Engines;
  /** Of the base model. */
  readonly tokenizer: Tokenizer;
  readonly retrieval: Retrieval;
  readonly registry: Registry;
  readonly quota: Quota;
  readonly safety: Safety;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly assignArm: AssignArm;
  readonly stickyUnit: StickyUnit;
  /** Told of every answer that came to its end. */
  readonly judge: JudgeAnswer;
  /** Told of the same answers. */
  readonly capture: CaptureAnswer;
  readonly toolCaller: ToolCaller;
  /** Rounds of calls within one answer. */
  readonly maxToolRounds: number;
  /** Questions that canaries answer again at once, seen by nobody. */
  readonly maxShadows: number;
  readonly requestTimeoutMs: number;
  /** Told when an answer was given but could not be recorded. */
  readonly onRecordFailed: (error: unknown, answerId: string) => void;
}

/** What a preparation hands to the engine, and what the answer is later measured against. */
export interface Prepared {
  /** Answers instead of the model; null: the model answers. */
  readonly refusal: string | null;
  readonly prompt: Prompt;
  /** null: no function may be asked for. */
  readonly toolUse: OfferedTools | null;
  /** The user's turn; empty where code is completed. */
  readonly question: string;
  readonly passages: readonly Numbered<ScoredPassage>[];
  /** Found, but there was no room for it. */
  readonly leftOut: readonly ScoredPassage[];
  /** null, here and below, where retrieval was off. */
  readonly storeSnapshot: string | null;
  readonly retrievalMs: number | null;
  /** Of the monotonic clock: when the passages were there. */
  readonly retrievedAtMs: number | null;
  readonly retrieved: boolean;
  /** Whether the answer's limit is lowered where the prompt does not leave as much. */
  readonly maxTokensYields: boolean;
}
