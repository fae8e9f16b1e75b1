import { type GgufVocabulary, type TokenizerParts, TokenKind } from './vocabulary.js';

/** Stands for a blank. */
const BLANK = '\u2581';
const REPLACE_BLANKS = { type: 'Replace', pattern: { String: ' ' }, content: BLANK };
const IN_MERGES: ReadonlySet<number> = new Set([TokenKind.normal, TokenKind.userDefined, TokenKind.unused]);

/**
 * SentencePiece's BPE with byte fallback (Llama 2, Mistral, TinyLlama, Gemma), as `tokenizer.ggml.model = llama`: of all
 * neighbours that make a token, those that make the one with the highest score are joined first.
 * @throws AppError `model_invalid` where scores or the tokens of single bytes are missing
 */
export function sentencePieceParts({ tokens, kinds, ids, metadata, invalid }: GgufVocabulary): TokenizerParts {
  const scores = metadata.numbers('tokenizer.ggml.scores');
  if (scores.length !== tokens.length) {
    throw invalid(`its vocabulary has ${tokens.length} tokens and ${scores.length} scores`);
  }
  for (let byte = 0; byte < 256; byte++) {
    const token = `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;
    if (!ids.has(token))
      throw invalid(`its vocabulary has no token ${token}, so not every text can be written with it`);
  }
  const hasPrefix = metadata.flag('tokenizer.ggml.add_space_prefix', true);
  const toBlanks = { type: 'Replace', pattern: { String: BLANK }, content: ' ' };
  const strip = { type: 'Strip', content: ' ', start: 1, stop: 0 };
  return {
    normalizer: hasPrefix
      ? { type: 'Sequence', normalizers: [{ type: 'Prepend', prepend: BLANK }, REPLACE_BLANKS] }
      : REPLACE_BLANKS,
    preTokenizer: null,
    decoder: {
      type: 'Sequence',
      decoders: [toBlanks, { type: 'ByteFallback' }, { type: 'Fuse' }, ...(hasPrefix ? [strip] : [])],
    },
    postProcessor: null,
    model: {
      unk_token: tokens[kinds.indexOf(TokenKind.unknown)] ?? null,
      fuse_unk: true,
      byte_fallback: true,
      ignore_merges: false,
      merges: mergesOf(tokens, kinds, ids, scores),
    },
    addBos: true,
    specials: { bos: 1, eos: 2, unknown: 0 },
  };
}

/** Every way to make a token of two others, highest score first. */
function mergesOf(
  tokens: readonly string[],
  kinds: readonly number[],
  ids: ReadonlyMap<string, number>,
  scores: readonly number[],
): string[] {
  const mergeable = (id: number | undefined): id is number => id !== undefined && IN_MERGES.has(kinds[id]!);
  const merges: { readonly merge: string; readonly score: number }[] = [];
  for (const [id, token] of tokens.entries()) {
    // No text holds a blank by the time that tokens are joined.
    if (!mergeable(id) || token.includes(' ')) continue;
    const ways: [left: number, right: number][] = [];
    for (const { length } of prefixes(token)) {
      const left = ids.get(token.slice(0, length));
      const right = ids.get(token.slice(length));
      if (mergeable(left) && mergeable(right)) ways.push([left, right]);
    }
    ways.sort(([a, b], [c, d]) => a - c || b - d);
    const score = scores[id]!;
    for (const [left, right] of ways) merges.push({ merge: `${tokens[left]} ${tokens[right]}`, score });
  }
  return merges.sort((a, b) => b.score - a.score).map(({ merge }) => merge);
}

/** Whole characters from the beginning, short of the whole text. */
function* prefixes(text: string): Generator<string> {
  let prefix = '';
  for (const character of text) {
    if (prefix !== '') yield prefix;
    prefix += character;
  }
}
