import { AppError } from '../../errors/app-error.js';

/** @param at where the ids stand in the request, for an error */
export type TextOfTokens = (ids: readonly number[], at: string) => string;

/**
 * The texts that OpenAI's own embedding models have for token ids (cl100k_base): clients that send ids instead of text
 * made them with it, whatever model they ask (docs/decisions/0028-token-ids.md). Loaded with the first use.
 */
export async function loadTextOfTokens(): Promise<TextOfTokens> {
  const { default: vocabulary } = await import('js-tiktoken/ranks/cl100k_base');
  const ranks: string[] = [];
  // A line: a name, the id of its first token, and tokens as base64, one id after the other.
  for (const line of vocabulary.bpe_ranks.split('\n')) {
    const [, first, ...tokens] = line.split(' ');
    for (const [index, token] of tokens.entries()) ranks[Number(first) + index] = token;
  }
  for (const [text, id] of Object.entries(vocabulary.special_tokens)) ranks[id] = Buffer.from(text).toString('base64');

  return (ids, at) => {
    const bytes = ids.map((id, index) => {
      const token = ranks[id];
      if (token === undefined) {
        const reason = `${id} is no token of cl100k_base, whose ids are read here. Send the text`;
        throw new AppError('invalid_value', { param: `${at}[${index}]`, reason });
      }
      return Buffer.from(token, 'base64');
    });
    return Buffer.concat(bytes).toString();
  };
}
