import { createHash } from 'node:crypto';
import type { AnswerTexts } from '../contracts/judge.js';
import type { Scrub } from '../personal-data/scrub.js';

/** By the answer's id alone, or that of its pair: both answers to a question are kept, or neither. @param rate 0 … 1 */
export function isSampled(answerId: string, rate: number): boolean {
  return rate > 0 && createHash('sha256').update(answerId).digest().readUInt32BE(0) / 2 ** 32 < rate;
}

type Texts = Pick<AnswerTexts, 'question' | 'answer' | 'passages'>;

/** The texts with `[email]` and the like in the place of personal data, and how much of it there was. */
export async function redactTexts(
  tenant: string,
  { question, answer, passages }: Texts,
  scrub: Scrub,
  signal: AbortSignal,
): Promise<Texts & { readonly redacted: number }> {
  const given = [question, answer, ...passages.flatMap(({ title, text }) => [title, text])];
  const { texts, count } = await scrub(tenant, given, signal);
  return {
    question: texts[0]!,
    answer: texts[1]!,
    passages: passages.map((_, index) => ({ title: texts[2 * index + 2]!, text: texts[2 * index + 3]! })),
    redacted: count,
  };
}
