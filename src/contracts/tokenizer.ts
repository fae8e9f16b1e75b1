/** The tokenizer of a base model, with its chat template. A remote engine has its own and needs none here. Types only. */
import type { Prompt } from './prompt.js';

/** Whose work it is: tenants take turns. */
export interface TokenizerCaller {
  readonly tenant: string;
  /** An abort gives the turn away; work that has begun is dropped. */
  readonly signal: AbortSignal;
}

/** Gauges of the tokenizer's processes. */
export interface TokenizerStatus {
  readonly ready: boolean;
  /** Why it is not ready, for `/readyz`. */
  readonly reason: string | null;
  readonly queued: number;
  readonly rssBytes: number;
}

/** What is before the middle and what is behind it. */
export interface RawInfill {
  readonly prefix: string;
  readonly suffix: string;
}

/** How the models of a family write calls: the marks around them, as their chat templates show them. */
export type CallFormat = 'hermes' | 'llama3' | 'mistral';

/** What the chat template says of the answers that follow it. */
export interface AnswerFormat {
  /** null: the template knows no tools, or writes calls in a way that is not known here. */
  readonly calls: CallFormat | null;
  /** Whether the model may put thoughts in tags before it answers; `begun`: the prompt ends within them. */
  readonly thoughts: 'none' | 'tagged' | 'begun';
  /** Tokens that the vocabulary calls special: nothing is seen of them in an answer unless it is asked for. */
  readonly specials: readonly string[];
}

export interface EncodedPrompt {
  readonly ids: Int32Array;
  /** Where each passage begins among them, and where the last one ends; empty where the prompt tells of none. */
  readonly passages: readonly number[];
}

export interface Tokenizer {
  /**
   * The tokens of a prompt: for ordinary text those of the whole rendered prompt; text of others never becomes a special
   * token, a marker of the template or a fence.
   * @throws AppError `invalid_value` for messages that the template refuses, `infill_not_supported`, `queue_full`,
   *   `deadline_exceeded`, `tokenizer_unavailable`; the signal's reason after an abort
   */
  encode(prompt: Prompt, caller: TokenizerCaller): Promise<Int32Array>;
  /** A text's tokens without those that the model puts before and behind any text. @throws as `encode` */
  encodeBare(text: string, caller: TokenizerCaller): Promise<Int32Array>;
  /** The text of tokens, special ones by their names, as vLLM gives it. @throws as `encode`; `invalid_value` for an id that is no token */
  decode(ids: readonly number[], caller: TokenizerCaller): Promise<string>;
  /** As the vocabulary spells each token: with the signs that stand for bytes and spaces. @throws as `decode` */
  spell(ids: readonly number[], caller: TokenizerCaller): Promise<readonly string[]>;
  /** The same, with the borders of the passages that its messages name: no token crosses one. @throws as `encode` */
  encodeParts(prompt: Prompt, caller: TokenizerCaller): Promise<EncodedPrompt>;
  /** Tokens that each text takes where it is put into a prompt, as text of others. @throws as `encode` */
  count(texts: readonly string[], caller: TokenizerCaller): Promise<readonly number[]>;
  /**
   * No prompt like this has fewer tokens; counted no further than `enough`. Costs a look at its letters, on the caller's
   * thread.
   */
  leastTokens(prompt: Prompt, enough: number): number;
  /** Reads a raw text that asks for a middle by writing the model's own tokens; null where it does anything else. */
  readRawInfill(text: string): RawInfill | null;
  /** The same for all prompts. */
  answerFormat(): AnswerFormat;
  status(): TokenizerStatus;
  /** Called at every restart of a process until the returned function is called. */
  observe(listener: (observation: { readonly type: 'restart' }) => void): () => void;
  /** Ends the processes; what was asked for ends with `tokenizer_unavailable`. */
  close(): Promise<void>;
}
