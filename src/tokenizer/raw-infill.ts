import type { RawInfill } from '../contracts/tokenizer.js';

/** The texts of a base model's fill-in-the-middle tokens. */
export interface InfillMarks {
  readonly prefix: string;
  readonly suffix: string;
  readonly middle: string;
}

/** A raw prompt that consists of nothing but a prefix and a suffix, each behind its mark, and the mark of the middle. */
export function readRawInfill(text: string, { prefix, suffix, middle }: InfillMarks): RawInfill | null {
  if (!text.startsWith(prefix) || !text.endsWith(middle)) return null;
  const [above, below, ...more] = text.slice(prefix.length, -middle.length).split(suffix);
  const code = `${above}${below}`;
  if (below === undefined || more.length > 0 || code.includes(prefix) || code.includes(middle)) return null;
  return { prefix: above!, suffix: below };
}
