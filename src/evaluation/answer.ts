import type { Answer } from './score.js';

export const MAX_ANSWER_TOKENS = 96;

/** What is read of a passage that was given. */
export interface Cited {
  /** `[1]`. */
  readonly marker: string;
  readonly content: string;
  readonly filepath: string;
}

/** An answer as it is scored: a number that a passage could not have leaves a gap. */
export function toAnswer(text: string, cited: readonly Cited[]): Answer {
  const passages: { filename: string; text: string }[] = [];
  for (const { marker, content, filepath } of cited) {
    const place = Number(marker.slice(1, -1)) - 1;
    while (passages.length < place) passages.push({ filename: '', text: '' });
    passages.push({ filename: filepath, text: content });
  }
  return { text, passages };
}
