import { broken } from '../failure.js';
import type { Expected } from './dialect.js';

/** Prompts are sent as tokens: a server with another vocabulary would read something else. @throws ReplicaFailure `broken` */
export function checkTokens(answer: unknown, { text, ids }: Expected): void {
  const { tokens } = (answer ?? {}) as { tokens?: unknown };
  if (Array.isArray(tokens) && tokens.length === ids.length && ids.every((id, i) => tokens[i] === id)) return;
  throw broken(
    `its tokenizer is not that of our base: it reads ${JSON.stringify(text)} as ${JSON.stringify(tokens)}, ours as ${JSON.stringify(ids)}`,
  );
}
