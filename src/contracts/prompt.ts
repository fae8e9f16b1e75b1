/** What a model is asked to continue. Types only. */

/** A function that the model may ask to be called. */
export interface ToolDefinition {
  /** 1 to 64 letters A to Z, digits, `_` and `-`. */
  readonly name: string;
  /** Empty where there is none. */
  readonly description: string;
  /** JSON Schema of its arguments, which are an object. */
  readonly parameters: Readonly<Record<string, unknown>>;
  /** Whether arguments that break the schema must not come about. */
  readonly strict: boolean;
}

export interface ToolCall {
  /** Whatever its result is to name it by. */
  readonly id: string;
  /** As `ToolDefinition`'s. */
  readonly name: string;
  /** JSON where the model wrote such. */
  readonly arguments: string;
}

/**
 * The content is text and no list of parts: text is the one thing a base reads, and codecs join what their surface cuts into
 * parts (docs/decisions/0053).
 */
export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant' | 'tool';
  readonly content: string;
  /** What the assistant asked for; each is answered by a message of the role `tool` behind it. */
  readonly toolCalls?: readonly ToolCall[];
  /** The call that a message of the role `tool` answers. */
  readonly toolCallId?: string;
}

/** From the first of them up to, but not including, the second; in UTF-16 units. */
export type TextRange = readonly [start: number, end: number];

/**
 * A message of a prompt. Special tokens and markers of the chat template that are written in it are plain text, whoever
 * wrote it; fences of ours count only in the ranges that are `ours`.
 */
export interface PromptMessage extends ChatMessage {
  /** What of the content we wrote ourselves, in order; nothing where it is left out. */
  readonly ours?: readonly TextRange[];
  /**
   * Where each passage of the content begins, and where the last one ends, which is where the line behind it begins: each is
   * read by itself and the same wherever it stands (docs/decisions/0065). Left out: all of it is read in order.
   */
  readonly passages?: readonly number[];
}

/** A file, or a part of one, that is shown ahead of the code. */
export interface InfillFile {
  readonly path: string;
  readonly text: string;
}

/**
 * A chat, raw text, or the middle between two texts, which ends where the text behind it would begin again. Special
 * tokens written in a chat or in code are plain text; in raw text they count.
 */
export type Prompt =
  | {
      readonly kind: 'chat';
      readonly messages: readonly PromptMessage[];
      /** What the model may ask for, none where it is left out. */
      readonly tools?: readonly ToolDefinition[];
      /** Switches of the chat template, e.g. `enable_thinking`. */
      readonly flags?: Readonly<Record<string, boolean>>;
    }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'tokens'; readonly ids: readonly number[] }
  | {
      readonly kind: 'infill';
      readonly prefix: string;
      readonly suffix: string;
      /** The nearest last. */
      readonly files: readonly InfillFile[];
    };
