/** The two files a tokenizer is kept in, and the ids that the engine needs. */
export interface ImportedTokenizer {
  readonly tokenizerJson: string;
  readonly configJson: string;
  readonly bosId: number | null;
  readonly eosIds: readonly number[];
  readonly fim: { readonly prefix: number; readonly middle: number; readonly suffix: number } | null;
}

const FIM_TOKENS = [
  { prefix: '<|fim_prefix|>', middle: '<|fim_middle|>', suffix: '<|fim_suffix|>' },
  { prefix: '<fim_prefix>', middle: '<fim_middle>', suffix: '<fim_suffix>' },
];

/** The fill-in-the-middle tokens of a vocabulary, in one of the usual spellings. */
export function findFim(vocabulary: ReadonlyMap<string, number>): ImportedTokenizer['fim'] {
  for (const names of FIM_TOKENS) {
    const [prefix, middle, suffix] = [names.prefix, names.middle, names.suffix].map((name) => vocabulary.get(name));
    if (prefix !== undefined && middle !== undefined && suffix !== undefined) return { prefix, middle, suffix };
  }
  return null;
}
