import type { FimTokens } from '../../contracts/model-manifest.js';
import type { AppError } from '../../errors/app-error.js';

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

/**
 * Every id that a prompt or an answer can hold has to have its row in the embedding. Rows without a token are padding, as
 * long as they are fewer than the tokens; at least one token has to end an answer.
 * @throws AppError `model_invalid` naming the first id that is wrong
 */
export function checkIds(rows: number, tokenizer: ImportedTokenizer, invalid: (reason: string) => AppError): void {
  const { tokenizerJson, bosId, eosIds, fim } = tokenizer;
  const { model, added_tokens: added } = JSON.parse(tokenizerJson) as {
    model: { vocab: Readonly<Record<string, number>> };
    added_tokens?: readonly { readonly content: string; readonly id: number }[] | null;
  };
  const ids = new Map(Object.entries(model.vocab));
  for (const { content, id } of added ?? []) ids.set(content, id);
  const named = { bos: bosId, ...Object.fromEntries(eosIds.map((id) => [`eos ${id}`, id])), ...fim };
  for (const [name, id] of [...ids, ...Object.entries(named)]) {
    if (id === null) continue;
    if (!Number.isInteger(id) || id < 0 || id >= rows) {
      throw invalid(`its token ${JSON.stringify(name)} has the id ${id}, and its embedding has ${rows} rows`);
    }
  }
  if (2 * ids.size < rows) throw invalid(`it has ${ids.size} tokens for ${rows} rows of its embedding`);
  if (eosIds.length === 0) throw invalid('no token of it ends an answer; set eos_token_id');
}
