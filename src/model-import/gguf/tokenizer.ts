import { findFim, type ImportedTokenizer } from '../decoder/imported-tokenizer.js';
import { chatTemplate, writeTokenizerConfig } from '../decoder/tokenizer-config.js';
import { typedMetadata } from './metadata.js';
import type { GgufFile } from './reader.js';

// Kinds of tokens by number (llama.h, llama_token_type).
const CONTROL = 3;
const USER_DEFINED = 4;

const BYTE_LEVEL = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false };
const split = (pattern: string) => ({
  type: 'Split',
  pattern: { Regex: pattern },
  behavior: 'Isolated',
  invert: false,
});

/** JavaScript's \s has U+FEFF and lacks U+0085; the Unicode property means the same in every runtime. */
const unicodeSpaces = (pattern: string) =>
  pattern.replaceAll('\\s', '\\p{White_Space}').replaceAll('\\S', '\\P{White_Space}');

const GPT2_WORDS = unicodeSpaces("'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+");
const LLAMA3_WORDS = unicodeSpaces(
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
);
const QWEN2_WORDS = LLAMA3_WORDS.replace('\\p{N}{1,3}', '\\p{N}');

interface PreTokenizer {
  readonly normalizer: object | null;
  readonly preTokenizer: object;
  /** A whole word of the vocabulary is taken as it is, before merges. */
  readonly ignoreMerges: boolean;
  /** Whether a text begins with BOS where the file does not say. */
  readonly addBos: boolean;
}

/** What the tokenizers library calls Digits(individual_digits), which its JavaScript port takes for 0-9 only. */
const DIGITS_APART = plain(split('\\p{N}'), split(GPT2_WORDS));
const LLAMA3: PreTokenizer = { ...plain(split(LLAMA3_WORDS)), ignoreMerges: true, addBos: true };

/** `tokenizer.ggml.pre`, which names how text is cut before merges apply (llama.cpp, llama-vocab.cpp). */
const PRE_TOKENIZERS: Readonly<Record<string, PreTokenizer>> = {
  'gpt-2': plain(split(GPT2_WORDS)),
  smollm: DIGITS_APART,
  starcoder: DIGITS_APART,
  refact: DIGITS_APART,
  'llama-bpe': LLAMA3,
  llama3: LLAMA3,
  'llama-v3': LLAMA3,
  qwen2: { ...plain(split(QWEN2_WORDS)), normalizer: { type: 'NFC' } },
  'deepseek-r1-qwen': plain(split(QWEN2_WORDS)),
  default: plain(split('[\\p{P}\\$\\+<=>\\^~\\|]+'), split(GPT2_WORDS), split('\\p{N}+'), split('[0-9][0-9][0-9]')),
};

function plain(...splits: object[]): PreTokenizer {
  const preTokenizer = { type: 'Sequence', pretokenizers: [...splits, BYTE_LEVEL] };
  return { normalizer: null, preTokenizer, ignoreMerges: false, addBos: false };
}

/**
 * Tokens that end an answer whatever `eos_token_id` says: the end of a turn in the usual chat formats, and where a model
 * goes on with padding, another file or another repository once the middle of this one is filled.
 */
const END_TOKENS = [
  ...['<|im_end|>', '<|eot_id|>', '<|endoftext|>', '</s>'],
  ...['<|fim_pad|>', '<|file_sep|>', '<|repo_name|>'],
];

/**
 * Builds `tokenizer.json` and `tokenizer_config.json` from a GGUF file's metadata.
 * @throws AppError `model_invalid` for another tokenizer model than byte-level BPE, or a way of splitting not listed
 */
export function tokenizerFromGguf(gguf: GgufFile): ImportedTokenizer {
  const { file } = gguf;
  const metadata = typedMetadata(gguf);
  const model = metadata.text('tokenizer.ggml.model');
  if (model !== 'gpt2') throw file.invalid(`its tokenizer model ${model} is not supported (gpt2, byte-level BPE, is)`);
  const preName = metadata.text('tokenizer.ggml.pre', 'default');
  const pre = Object.hasOwn(PRE_TOKENIZERS, preName) ? PRE_TOKENIZERS[preName]! : null;
  if (!pre) {
    const supported = Object.keys(PRE_TOKENIZERS).join(', ');
    throw file.invalid(`its pre-tokenizer ${preName} is not supported (${supported} are)`);
  }
  const tokens = metadata.texts('tokenizer.ggml.tokens');
  const kinds = metadata.numbers('tokenizer.ggml.token_type');
  const vocabulary = new Map(tokens.map((token, id) => [token, id]));
  if (kinds.length !== tokens.length || vocabulary.size !== tokens.length) {
    throw file.invalid('its vocabulary has repeated tokens, or tokens without a type');
  }
  const merges = metadata.texts('tokenizer.ggml.merges');
  const junk = merges.find((merge) => !isMerge(merge, vocabulary));
  if (junk !== undefined) throw file.invalid(`its merge ${JSON.stringify(junk)} does not make a token out of two`);
  const tokenAt = (key: string): string | null => {
    const id = gguf.metadata.get(`tokenizer.ggml.${key}_token_id`);
    if (id === undefined) return null;
    const token = typeof id === 'number' ? tokens[id] : undefined;
    if (token === undefined)
      throw file.invalid(`its ${key}_token_id ${String(id)} is no id of its ${tokens.length} tokens`);
    return token;
  };
  const bos = tokenAt('bos');
  const eos = tokenAt('eos');
  const addBos = metadata.flag('tokenizer.ggml.add_bos_token', pre.addBos) && bos !== null;
  const added = tokens.flatMap((content, id) => {
    const kind = kinds[id];
    if (kind !== CONTROL && kind !== USER_DEFINED) return [];
    const special = kind === CONTROL;
    return [{ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special }];
  });

  const tokenizer = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: added,
    normalizer: pre.normalizer,
    pre_tokenizer: pre.preTokenizer,
    post_processor: addBos ? prependToken(bos, vocabulary.get(bos)!) : BYTE_LEVEL,
    decoder: BYTE_LEVEL,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: pre.ignoreMerges,
      vocab: Object.fromEntries(vocabulary),
      merges,
    },
  };
  const config = {
    tokenizer_class: 'PreTrainedTokenizerFast',
    bos_token: bos,
    eos_token: eos,
    unk_token: tokenAt('unknown'),
    pad_token: tokenAt('padding') ?? eos,
    add_bos_token: addBos,
    add_prefix_space: false,
    clean_up_tokenization_spaces: false,
  };
  const template = chatTemplate(gguf.metadata.get('tokenizer.chat_template'), (reason) => file.invalid(reason));
  const ends = [eos, ...END_TOKENS.filter((token) => isControl(vocabulary.get(token), kinds))];
  return {
    tokenizerJson: JSON.stringify(tokenizer),
    configJson: writeTokenizerConfig(config, template),
    bosId: addBos ? vocabulary.get(bos)! : null,
    eosIds: [...new Set(ends.flatMap((token) => vocabulary.get(token ?? '') ?? []))],
    fim: findFim(vocabulary),
  };
}

/** Two tokens with a space between them, which joined are one. */
function isMerge(merge: string, vocabulary: ReadonlyMap<string, number>): boolean {
  const space = merge.indexOf(' ', 1);
  const [left, right] = [merge.slice(0, space), merge.slice(space + 1)];
  return space > 0 && [left, right, left + right].every((token) => vocabulary.has(token));
}

function isControl(id: number | undefined, kinds: readonly number[]): boolean {
  return id !== undefined && kinds[id] === CONTROL;
}

function prependToken(token: string, id: number): object {
  return {
    type: 'TemplateProcessing',
    single: [{ SpecialToken: { id: token, type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
    pair: [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 0 } }],
    special_tokens: { [token]: { id: token, ids: [id], tokens: [token] } },
  };
}
