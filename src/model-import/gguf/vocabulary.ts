import type { AppError } from '../../errors/app-error.js';
import { type Metadata, typedMetadata } from './metadata.js';
import type { GgufFile } from './reader.js';

/** What a token is, by number (llama.h, llama_token_type). */
export const TokenKind = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;

/** The tokens of a GGUF file, by id and by text. */
export interface GgufVocabulary {
  readonly tokens: readonly string[];
  readonly kinds: readonly number[];
  readonly ids: ReadonlyMap<string, number>;
  readonly metadata: Metadata;
  readonly invalid: (reason: string) => AppError;
}

/** What depends on the kind of tokenizer: these parts of `tokenizer.json`, and what llama.cpp takes for granted. */
export interface TokenizerParts {
  readonly normalizer: object | null;
  readonly preTokenizer: object | null;
  readonly decoder: object;
  readonly postProcessor: object | null;
  readonly model: object;
  /** Whether a text begins with BOS where the file does not say. */
  readonly addBos: boolean;
  /** Ids of special tokens where the file does not name them. */
  readonly specials: Readonly<Record<'bos' | 'eos' | 'unknown', number | null>>;
}

/** @throws AppError `model_invalid` for repeated tokens, or tokens without a type */
export function readVocabulary(gguf: GgufFile): GgufVocabulary {
  const metadata = typedMetadata(gguf);
  // llama.cpp's name for a token that has none.
  const tokens = metadata.texts('tokenizer.ggml.tokens').map((token, id) => token || `[EMPTY_${id}]`);
  const kinds = metadata.numbers('tokenizer.ggml.token_type');
  const ids = new Map(tokens.map((token, id) => [token, id]));
  const { invalid } = metadata;
  if (kinds.length !== tokens.length || ids.size !== tokens.length) {
    throw invalid('its vocabulary has repeated tokens, or tokens without a type');
  }
  return { tokens, kinds, ids, metadata, invalid };
}
