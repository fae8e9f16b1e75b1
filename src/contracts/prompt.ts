/** What a model is asked to continue. Types only. */

export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
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
  | { readonly kind: 'chat'; readonly messages: readonly PromptMessage[] }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'tokens'; readonly ids: readonly number[] }
  | {
      readonly kind: 'infill';
      readonly prefix: string;
      readonly suffix: string;
      /** The nearest last. */
      readonly files: readonly InfillFile[];
    };
