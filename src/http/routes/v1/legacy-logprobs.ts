import type { GeneratedToken, TokenLogprob } from '../../../contracts/generator.js';

/**
 * Log probabilities in the shape of the legacy completions. Returns the encoder of one answer, which is given its
 * tokens in order: where a character spans tokens, each of them has the offset of that character.
 */
export function toLegacyLogprobs() {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  /** UTF-16 units of the whole characters so far. */
  let offset = 0;
  return (tokens: readonly GeneratedToken[]) => ({
    tokens: tokens.map(nameOf),
    token_logprobs: tokens.map(({ logprob }) => logprob),
    top_logprobs: tokens.map((token) => byName([...token.top, token])),
    text_offset: tokens.map(({ bytes }) => {
      const here = offset;
      offset += decoder.decode(Uint8Array.from(bytes), { stream: true }).length;
      return here;
    }),
  });
}

/** The token's text, or its bytes as OpenAI writes them where they are no whole characters, so that names differ. */
function nameOf({ bytes, token }: TokenLogprob): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes));
  } catch {
    return bytes.length === 0
      ? token
      : `bytes:${bytes.map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')}`;
  }
}

/** Of tokens with the same text the likeliest counts; the drawn one is always there, as in OpenAI's. */
function byName(tokens: readonly TokenLogprob[]): Record<string, number> {
  const likeliest = new Map<string, number>();
  for (const token of tokens) {
    const name = nameOf(token);
    likeliest.set(name, Math.max(token.logprob, likeliest.get(name) ?? Number.NEGATIVE_INFINITY));
  }
  return Object.fromEntries(likeliest);
}
