import type { GgufVocabulary, TokenizerParts } from './vocabulary.js';

const BYTE_LEVEL = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false };
const split = (pattern: string) => ({
  type: 'Split',
  pattern: { Regex: unicodeSpaces(pattern) },
  behavior: 'Isolated',
  invert: false,
});

/** JavaScript's \s has U+FEFF and lacks U+0085; the Unicode property means the same in every runtime. */
function unicodeSpaces(pattern: string): string {
  return pattern.replaceAll('\\s', '\\p{White_Space}').replaceAll('\\S', '\\P{White_Space}');
}

const BLANKS = '\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+';
const GPT2_WORDS = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
const LLAMA3_WORDS = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|${BLANKS}`;
const QWEN2_WORDS = LLAMA3_WORDS.replace('\\p{N}{1,3}', '\\p{N}');
/** A word ends where a capital follows a small letter; other letters than A to Z count as both (llama.cpp has it so). */
const TEKKEN_WORDS = [
  '[^\\r\\n\\p{L}\\p{N}]?[^\\P{L}a-z]*[^\\P{L}A-Z]+',
  '[^\\r\\n\\p{L}\\p{N}]?[^\\P{L}a-z]+[^\\P{L}A-Z]*',
  `\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|${BLANKS}`,
].join('|');
/** Letters that have a case, as DeepSeek's tokenizer lists them. */
const DEEPSEEK_LETTERS = [
  'A-Za-z\u00b5\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u01ba\u01bc-\u01bf\u01c4-\u0293\u0295-\u02af\u0370-\u0373',
  '\u0376\u0377\u037b-\u037d\u037f\u0386\u0388-\u038a\u038c\u038e-\u03a1\u03a3-\u03f5\u03f7-\u0481',
  '\u048a-\u052f\u0531-\u0556\u10a0-\u10c5\u13a0-\u13f5\u13f8-\u13fd\u1c90-\u1cba\u1cbd-\u1cbf\u1d00-\u1d2b',
  '\u1d6b-\u1d77\u1d79-\u1d9a\u1e00-\u1f15\u1f18-\u1f1d\u1f20-\u1f45\u1f48-\u1f4d\u1f50-\u1f57\u1f59\u1f5b',
  '\u1f5d\u1f5f-\u1f7d\u1f80-\u1fb4\u1fb6-\u1fbc\u1fbe\u1fc2-\u1fc4\u1fc6-\u1fcc\u1fd0-\u1fd3\u1fd6-\u1fdb',
  '\u1fe0-\u1fec\u1ff2-\u1ff4\u1ff6-\u1ffc\u2102\u2107\u210a-\u2113\u2115\u2119-\u211d\u2124\u2126\u2128',
  '\u212a-\u212d\u212f-\u2134\u2139\u213c-\u213f\u2145-\u2149\u214e\u2183\u2184\u2c00-\u2c7b\u2c7e-\u2ce4',
  '\u2ceb-\u2cee\u2cf2\u2cf3\ua640-\ua66d\ua680-\ua69b\ua722-\ua76f\ua771-\ua787\ua78b-\ua78e\uab70-\uabbf',
  '\ufb00-\ufb06\ufb13-\ufb17\uff21-\uff3a\uff41-\uff5a\u{10400}-\u{1044f}\u{104b0}-\u{104d3}',
  '\u{104d8}-\u{104fb}\u{10c80}-\u{10cb2}\u{10cc0}-\u{10cf2}\u{118a0}-\u{118df}\u{1e900}-\u{1e943}',
].join('');
/** Without the blanks among them, which llama.cpp cuts by as it does by all others. */
const CJK = '(?:(?!\\s)[\u0800-\u9fa5\uac00-\ud7ff])+';
const DEEPSEEK3_WORDS = `[!"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_\`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|${BLANKS}`;

interface PreTokenizer {
  readonly normalizer: object | null;
  readonly preTokenizer: object;
  /** A whole word of the vocabulary is taken as it is, before merges. */
  readonly ignoreMerges: boolean;
  readonly addBos: boolean;
}

/** What the tokenizers library calls Digits(individual_digits), which its JavaScript port takes for 0-9 only. */
const DIGITS_APART = plain('\\p{N}', GPT2_WORDS);
const LLAMA3: PreTokenizer = { ...plain(LLAMA3_WORDS), ignoreMerges: true, addBos: true };

/** `tokenizer.ggml.pre`, which names how text is cut before merges apply (llama.cpp, llama-vocab.cpp). */
const PRE_TOKENIZERS: Readonly<Record<string, PreTokenizer>> = {
  'gpt-2': plain(GPT2_WORDS),
  smollm: DIGITS_APART,
  starcoder: DIGITS_APART,
  refact: DIGITS_APART,
  'llama-bpe': LLAMA3,
  llama3: LLAMA3,
  'llama-v3': LLAMA3,
  qwen2: { ...plain(QWEN2_WORDS), normalizer: { type: 'NFC' } },
  'deepseek-r1-qwen': plain(QWEN2_WORDS),
  tekken: { ...plain(TEKKEN_WORDS), ignoreMerges: true, addBos: true },
  'deepseek-llm': plain(
    '[\\r\\n]',
    `\\s?[${DEEPSEEK_LETTERS}]+`,
    '\\s?[!-/:-~\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f\u3001\u3002]+',
    '\\s+$',
    CJK,
    '\\p{N}+',
  ),
  'deepseek-coder': plain('[\\r\\n]', '\\s?\\p{L}+', '\\s?\\p{P}+', CJK, '\\p{N}'),
  'deepseek-v3': plain('\\p{N}{1,3}', '[\u4e00-\u9fa5\u3040-\u30ff]+', DEEPSEEK3_WORDS),
  default: plain('[\\p{P}\\$\\+<=>\\^~\\|]+', GPT2_WORDS, '\\p{N}+', '[0-9][0-9][0-9]'),
};

function plain(...patterns: readonly string[]): PreTokenizer {
  const preTokenizer = { type: 'Sequence', pretokenizers: [...patterns.map(split), BYTE_LEVEL] };
  return { normalizer: null, preTokenizer, ignoreMerges: false, addBos: false };
}

/**
 * Byte-level BPE, `tokenizer.ggml.model = gpt2`.
 * @throws AppError `model_invalid` for a way of splitting that is not listed, or a merge that makes no token
 */
export function byteLevelParts({ ids, metadata, invalid }: GgufVocabulary): TokenizerParts {
  const name = metadata.text('tokenizer.ggml.pre', 'default');
  const pre = Object.hasOwn(PRE_TOKENIZERS, name) ? PRE_TOKENIZERS[name]! : null;
  if (!pre) {
    throw invalid(`its pre-tokenizer ${name} is not supported (${Object.keys(PRE_TOKENIZERS).join(', ')} are)`);
  }
  const merges = metadata.texts('tokenizer.ggml.merges');
  const junk = merges.find((merge) => !isMerge(merge, ids));
  if (junk !== undefined) throw invalid(`its merge ${JSON.stringify(junk)} does not make a token out of two`);
  return {
    normalizer: pre.normalizer,
    preTokenizer: pre.preTokenizer,
    decoder: BYTE_LEVEL,
    postProcessor: BYTE_LEVEL,
    model: { unk_token: null, fuse_unk: false, byte_fallback: false, ignore_merges: pre.ignoreMerges, merges },
    addBos: pre.addBos,
    specials: { bos: null, eos: null, unknown: null },
  };
}

/** Two tokens with a space between them, which joined are one. */
function isMerge(merge: string, ids: ReadonlyMap<string, number>): boolean {
  const space = merge.indexOf(' ', 1);
  const [left, right] = [merge.slice(0, space), merge.slice(space + 1)];
  return space > 0 && [left, right, left + right].every((token) => ids.has(token));
}
