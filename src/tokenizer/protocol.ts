/** The messages between the gateway and a tokenizer process. Both ends import this file and nothing else of each other. */
import type { ModelManifest } from '../contracts/model-manifest.js';
import type { Prompt } from '../contracts/prompt.js';
import type { AnswerFormat, EncodedPrompt } from '../contracts/tokenizer.js';
import type { ErrorMessage } from '../errors/app-error.js';
import type { InfillMarks } from './raw-infill.js';

export type Work =
  /** `tenant`: whose text it is */
  | { readonly type: 'encode'; readonly prompt: Prompt; readonly tenant: string }
  | { readonly type: 'encode_bare'; readonly text: string }
  | { readonly type: 'count'; readonly texts: readonly string[] }
  | { readonly type: 'decode' | 'spell'; readonly ids: readonly number[] };

/** A prompt's tokens, token ids, one count a text, the text of the ids, or one text an id. */
export type Done = EncodedPrompt | Int32Array | readonly string[];

export type Result = { readonly done: Done } | { readonly error: ErrorMessage };

export type ToTokenizer =
  /** Always first, and once. */
  | {
      readonly type: 'init';
      readonly modelDir: string;
      readonly manifest: Pick<ModelManifest, 'id' | 'tokenizer'>;
      readonly fences: readonly string[];
      /** `behind`: of answers and all else that somebody waits for. */
      readonly precedence: 'ahead' | 'behind';
    }
  /** One at a time: the next one follows the answer. What is short goes together: a message costs as much as a short chat (decision 0086). */
  | { readonly type: 'work'; readonly works: readonly Work[] };

/** What tells how few tokens a text can have. */
export interface Bounds {
  readonly charactersPerToken: number;
  /** Of the letters A to Z. */
  readonly lettersPerToken: number;
  /** The template may leave parts of the assistant's messages out. */
  readonly cutsHistory: boolean;
}

export type FromTokenizer =
  | {
      readonly type: 'ready';
      readonly bounds: Bounds;
      /** Null where the model fills in nothing. */
      readonly infillMarks: InfillMarks | null;
      readonly answerFormat: AnswerFormat;
      readonly rssBytes: number;
    }
  | { readonly type: 'failed'; readonly reason: string }
  /** In the order of the works. */
  | { readonly type: 'done'; readonly results: readonly Result[]; readonly rssBytes: number };
