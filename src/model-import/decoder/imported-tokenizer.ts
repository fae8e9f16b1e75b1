import type { FimTokens } from '../../contracts/model-manifest.js';

/** The two files a tokenizer is kept in, and the ids that the engine needs. */
export interface ImportedTokenizer {
  readonly tokenizerJson: string;
  readonly configJson: string;
  readonly bosId: number | null;
  readonly eosIds: readonly number[];
  readonly fim: FimTokens | null;
}

/** Qwen's spelling and StarCoder's. */
const FIM_TOKENS = [
  {
    prefix: '<|fim_prefix|>',
    middle: '<|fim_middle|>',
    suffix: '<|fim_suffix|>',
    repo: '<|repo_name|>',
    file: '<|file_sep|>',
  },
  { prefix: '<fim_prefix>', middle: '<fim_middle>', suffix: '<fim_suffix>', repo: '<repo_name>', file: '<file_sep>' },
];

/** The fill-in-the-middle tokens of a vocabulary, in one of the usual spellings. */
export function findFim(vocabulary: ReadonlyMap<string, number>): FimTokens | null {
  for (const names of FIM_TOKENS) {
    const [prefix, middle, suffix] = [names.prefix, names.middle, names.suffix].map((name) => vocabulary.get(name));
    if (prefix === undefined || middle === undefined || suffix === undefined) continue;
    return {
      prefix,
      middle,
      suffix,
      repo: vocabulary.get(names.repo) ?? null,
      file: vocabulary.get(names.file) ?? null,
    };
  }
  return null;
}
