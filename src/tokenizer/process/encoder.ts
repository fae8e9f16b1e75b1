import type { Tokenizer } from '@huggingface/tokenizers';
import { LRUCache } from 'lru-cache';
import { type AddedToken, escaped, type Marks } from './markers.js';
import { RecentWords } from './recent-words.js';

/** Turns a prompt whose text holds marks into token ids. */
export interface Encoder {
  /**
   * Token ids of a text with marks: real special tokens are its added tokens, all between two of them is one text; and how
   * many of them stand before each mark of a passage.
   * @param tenant whose text it is: parts of it that this tenant sent before are found again; null: none are
   */
  encode(text: string, marks: Marks, tenant?: string | null): { readonly ids: number[]; readonly passages: number[] };
}

/** Characters of the texts that are found again, in each process. */
const KNOWN_CHARACTERS = 512 * 1024;
/** What a short one takes besides. */
const ENTRY_CHARACTERS = 64;

/**
 * The steps of `Tokenizer.encode`, apart: split at added tokens, normalize, cut into words, merge. Marks go out between the
 * first step and the others, so that ordinary text gives exactly the ids of the whole.
 */
export function createEncoder(tokenizer: Tokenizer, added: readonly AddedToken[]): Encoder {
  const { model, normalizer, pre_tokenizer: preTokenizer } = tokenizer;
  if (model === null) throw new Error('the tokenizer has no model');
  const tokens = new Map(added.map((token) => [token.content, token]));
  const longestFirst = [...tokens.keys()].sort((a, b) => b.length - a.length);
  const splitter = new RegExp(`(${longestFirst.map(escaped).join('|') || '(?!)'})`, 'u');
  // No word may pass for an added token by being spelled like one.
  for (const token of tokens.keys()) model.tokens_to_ids.delete(token);
  if ('cache' in model) model.cache = new RecentWords();

  /** What is put before every text, e.g. the blank that SentencePiece begins with. */
  const prefix = normalizer === null ? '' : normalizer('');

  /** @param goesOn whether it is a further piece of its section's text: nothing is put before that */
  const encodeText = (text: string, section: number, goesOn: boolean): number[] => {
    const whole = normalizer === null ? text : normalizer(text);
    const normal = goesOn ? whole.slice(prefix.length) : whole;
    if (normal === '') return [];
    const words = preTokenizer === null ? [normal] : preTokenizer(normal, { section_index: section });
    return model(words).flatMap((token: string) => model.tokens_to_ids.get(token) ?? model.unk_token_id ?? []);
  };

  /**
   * Messages of a conversation come again with each of its turns, and instructions with each request: of all that is done for
   * a prompt, cutting text into words and merging them takes the longest (decision 0099). Each tenant has its own.
   */
  const known = new LRUCache<string, readonly number[]>({
    maxSize: KNOWN_CHARACTERS,
    sizeCalculation: (_, key) => key.length + ENTRY_CHARACTERS,
  });
  const encodeOnce = (tenant: string | null, text: string, section: number, goesOn: boolean): readonly number[] => {
    if (tenant === null) return encodeText(text, section, goesOn);
    const key = `${tenant}\n${Math.min(section, 1)}${goesOn ? '+' : ''}\n${text}`;
    const found = known.get(key);
    if (found !== undefined) return found;
    const ids = encodeText(text, section, goesOn);
    known.set(key, ids);
    return ids;
  };

  return {
    encode(text, { hidden, border, passage }, tenant = null) {
      // Every other section is an added token.
      const sections = text.split(splitter);
      for (let i = 1; i < sections.length; i += 2) {
        const { lstrip, rstrip } = tokens.get(sections[i]!)!;
        if (lstrip) sections[i - 1] = sections[i - 1]!.trimEnd();
        if (rstrip) sections[i + 1] = sections[i + 1]!.trimStart();
      }
      const ids: number[] = [];
      const passages: number[] = [];
      for (const [i, section] of sections.entries()) {
        if (i % 2 === 1) {
          ids.push(tokens.get(section)!.id);
          continue;
        }
        let goesOn = false;
        for (const [n, text] of section.replaceAll(hidden, '').split(passage).entries()) {
          if (n > 0) passages.push(ids.length);
          for (const piece of text.split(border)) {
            // Pre-tokenizers that put a blank before the first section put none before any other.
            if (piece === '') continue;
            for (const id of encodeOnce(tenant, piece, goesOn ? i + 1 : i, goesOn)) ids.push(id);
            goesOn = true;
          }
        }
      }
      return { ids, passages };
    },
  };
}
