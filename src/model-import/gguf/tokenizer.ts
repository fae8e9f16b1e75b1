import { findFim, type ImportedTokenizer } from '../decoder/imported-tokenizer.js';
import { chatTemplate, writeTokenizerConfig } from '../decoder/tokenizer-config.js';
import { byteLevelParts } from './byte-level.js';
import type { GgufFile } from './reader.js';
import { sentencePieceParts } from './sentencepiece.js';
import { type GgufVocabulary, readVocabulary, type TokenizerParts, TokenKind } from './vocabulary.js';

/** `tokenizer.ggml.model`. */
const KINDS: Readonly<Record<string, (vocabulary: GgufVocabulary) => TokenizerParts>> = {
  gpt2: byteLevelParts,
  llama: sentencePieceParts,
};

/** Tokens that are found in a text before anything else, and whether they are special. */
const ADDED: Readonly<Record<number, { readonly special: boolean }>> = {
  [TokenKind.unknown]: { special: true },
  [TokenKind.control]: { special: true },
  [TokenKind.userDefined]: { special: false },
};

/**
 * Tokens that end an answer whatever `eos_token_id` says: the end of a turn in the usual chat formats, and where a model
 * goes on with padding, another file or another repository once the middle of this one is filled.
 */
const END_TOKENS = [
  ...['<|im_end|>', '<|eot_id|>', '<|eom_id|>', '<|end|>', '<|end_of_text|>', '<|endoftext|>', '</s>'],
  ...['<end_of_turn>', '<｜end▁of▁sentence｜>', '<EOT>', '<|EOT|>'],
  ...['<|fim_pad|>', '<|file_sep|>', '<|repo_name|>'],
];

/**
 * Builds `tokenizer.json` and `tokenizer_config.json` from a GGUF file's metadata.
 * @throws AppError `model_invalid` for another kind of tokenizer, or a damaged vocabulary
 */
export function tokenizerFromGguf(gguf: GgufFile): ImportedTokenizer {
  const vocabulary = readVocabulary(gguf);
  const { tokens, kinds, ids, metadata, invalid } = vocabulary;
  const name = metadata.text('tokenizer.ggml.model');
  if (!Object.hasOwn(KINDS, name)) {
    const supported = 'gpt2, byte-level BPE, and llama, SentencePiece, are';
    throw invalid(`its tokenizer model ${name} is not supported (${supported})`);
  }
  const parts = KINDS[name]!(vocabulary);
  const idAt = (key: string, fallback: number | null = null): number | null => {
    const id = gguf.metadata.get(`tokenizer.ggml.${key}_token_id`) ?? fallback;
    if (id === null) return null;
    if (typeof id === 'number' && tokens[id] !== undefined) return id;
    throw invalid(`its ${key}_token_id ${String(id)} is no id of its ${tokens.length} tokens`);
  };
  const textAt = (id: number | null) => (id === null ? null : tokens[id]!);
  const bos = idAt('bos', parts.specials.bos);
  const eos = idAt('eos', parts.specials.eos);
  const addBos = metadata.flag('tokenizer.ggml.add_bos_token', parts.addBos) && bos !== null;
  const added = tokens.flatMap((content, id) => {
    const kind = ADDED[kinds[id]!];
    return kind ? [{ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, ...kind }] : [];
  });

  const tokenizer = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: added,
    normalizer: parts.normalizer,
    pre_tokenizer: parts.preTokenizer,
    post_processor: addBos ? prependToken(tokens[bos]!, bos) : parts.postProcessor,
    decoder: parts.decoder,
    model: {
      type: 'BPE',
      dropout: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      vocab: Object.fromEntries(ids),
      ...parts.model,
    },
  };
  const config = {
    tokenizer_class: 'PreTrainedTokenizerFast',
    bos_token: textAt(bos),
    eos_token: textAt(eos),
    unk_token: textAt(idAt('unknown', parts.specials.unknown)),
    pad_token: textAt(idAt('padding') ?? eos),
    add_bos_token: addBos,
    add_prefix_space: false,
    clean_up_tokenization_spaces: false,
  };
  const template = chatTemplate(gguf.metadata.get('tokenizer.chat_template'), invalid);
  const ends = END_TOKENS.flatMap((token) => ids.get(token) ?? []).filter((id) => kinds[id] === TokenKind.control);
  return {
    tokenizerJson: JSON.stringify(tokenizer),
    configJson: writeTokenizerConfig(config, template),
    bosId: addBos ? bos : null,
    eosIds: [...new Set([eos, idAt('eot'), idAt('eom'), ...ends])].filter((id) => id !== null),
    fim: findFim(ids),
  };
}

function prependToken(token: string, id: number): object {
  return {
    type: 'TemplateProcessing',
    single: [{ SpecialToken: { id: token, type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
    pair: [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 0 } }],
    special_tokens: { [token]: { id: token, ids: [id], tokens: [token] } },
  };
}
