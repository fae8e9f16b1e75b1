import type { UnigramVocabulary } from './e5s1.js';

/** Stands for a blank. */
const BLANK = '\u2581';
/** Control characters leave no trace, and whatever is white is a blank: SentencePiece's rule `nmt_nfkc` beyond NFKC. */
const NOTHING = '[\\u0001-\\u0008\\u000B\\u000E-\\u001F\\u007F\\u008F\\u009F]';
const WHITE =
  '[\\u0009\\u000A\\u000C\\u000D\\u00A0\\u1680\\u2000-\\u200F\\u2028\\u2029\\u202F\\u205F\\u2581\\u3000\\uFEFF\\uFFFD]';

/** `tokenizer.json` of a vocabulary as XLM-RoBERTa's, whose words are SentencePiece's: the likeliest pieces that make each word. */
export function unigramTokenizer({ pieces, scores, ids }: UnigramVocabulary): object {
  const special = (id: number) => ({
    id,
    content: pieces[id],
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  });
  // Nothing in a text is certain.
  const isSpecial = (id: number) => scores[id] === 0 || Object.values(ids).includes(id);
  const replaced = (pattern: string, content: string) => ({ type: 'Replace', pattern: { Regex: pattern }, content });
  const [begin, end] = [pieces[ids.begin]!, pieces[ids.end]!];
  const token = (name: string) => ({ SpecialToken: { id: name, type_id: 0 } });
  const sequence = (id: string) => ({ Sequence: { id, type_id: 0 } });
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: pieces.flatMap((_, id) => (isSpecial(id) ? [special(id)] : [])),
    normalizer: {
      type: 'Sequence',
      normalizers: [replaced(NOTHING, ''), replaced(WHITE, ' '), { type: 'NFKC' }],
    },
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'WhitespaceSplit' },
        { type: 'Metaspace', replacement: BLANK, prepend_scheme: 'always', split: true },
      ],
    },
    post_processor: {
      type: 'TemplateProcessing',
      single: [token(begin), sequence('A'), token(end)],
      pair: [token(begin), sequence('A'), token(end), token(end), sequence('B'), token(end)],
      special_tokens: {
        [begin]: { id: begin, ids: [ids.begin], tokens: [begin] },
        [end]: { id: end, ids: [ids.end], tokens: [end] },
      },
    },
    decoder: { type: 'Metaspace', replacement: BLANK, prepend_scheme: 'always', split: true },
    model: {
      type: 'Unigram',
      unk_id: ids.unknown,
      vocab: pieces.map((piece, id) => [piece, scores[id]]),
      byte_fallback: false,
    },
  };
}

/** `tokenizer_config.json` for the same. */
export function unigramTokenizerConfig({ pieces, ids }: UnigramVocabulary): Readonly<Record<string, unknown>> {
  return {
    tokenizer_class: 'XLMRobertaTokenizer',
    bos_token: pieces[ids.begin],
    cls_token: pieces[ids.begin],
    eos_token: pieces[ids.end],
    sep_token: pieces[ids.end],
    pad_token: pieces[ids.padding],
    unk_token: pieces[ids.unknown],
  };
}
